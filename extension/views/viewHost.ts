/**
 * One webview's end of the protocol: a `Rpc` that answers its questions from the session and tells it what changed.
 *
 * A view says `ready` and is hydrated with everything; from then on it gets increments, until it is hidden. VS Code
 * throws a hidden page away and loads it anew when it is shown, and then it says `ready` again.
 */
import { DisposableStore, type Disposable } from '../disposable';
import { describeThrown, type Log } from '../log';
import type { ReportKind, ViewApi, ViewEvents } from '../protocol';
import { Rpc, type None } from '../rpc';
import type { InsightTruth } from '../insight/insights';
import type { Session } from '../session';

/** What a view may ask for beyond the session's state. */
export interface ViewActions {
  inspectSelection(): Promise<void>;
  revealToken(token: number): Promise<void>;
  showLog(): Promise<void>;
  restartRunner(): Promise<void>;
  openTracePanel(): Promise<void>;
  mapUsage(): Promise<void>;
  compareContexts(): Promise<void>;
  openReport(kind: ReportKind): Promise<void>;
  /** False when the user changed their mind; so for the trace. */
  exportFile: ViewApi['exportFile'];
  exportTrace(): Promise<boolean>;
}

/** The part of the session a view looks at; a recorded trace has it too. */
export type ViewTruth = Pick<Session, 'state' | 'on' | 'setFocus' | 'cancel' | 'painted'>;

export interface ViewServices {
  session: ViewTruth;
  insights: InsightTruth;
  actions: ViewActions;
  log: Log;
}

/** The part of a webview that carries messages. */
export interface MessagePort {
  /** Rejects, or resolves to false, when there is no page to take the message. */
  send(message: unknown): PromiseLike<boolean>;
  listen(listener: (message: unknown) => void): Disposable;
}

export class ViewHost implements Disposable {
  private readonly store = new DisposableStore();
  private hydrated = false;

  constructor(
    private readonly name: string,
    port: MessagePort,
    { session, insights, actions, log }: ViewServices,
  ) {
    const rpc: Rpc<ViewApi, None, ViewEvents> = new Rpc<ViewApi, None, ViewEvents>(
      {
        // A page that is being thrown away refuses messages; it will ask for everything when it is back.
        send: (message) => void port.send(message).then(undefined, (thrown: unknown) => this.lost(log, thrown)),
        onMessage: (listener) => port.listen(listener),
        onClose: () => ({ dispose: () => undefined }),
      },
      {
        ready: () => {
          this.hydrated = true;
          return { ...session.state, ...insights.state };
        },
        setFocus: (focus) => session.setFocus(focus, this),
        cancel: () => session.cancel(),
        painted: (runId) => session.painted(runId),
        inspectSelection: () => actions.inspectSelection(),
        revealToken: (token) => actions.revealToken(token),
        showLog: () => actions.showLog(),
        restartRunner: () => actions.restartRunner(),
        openTracePanel: () => actions.openTracePanel(),
        setInterventions: (request) => insights.setInterventions(request, this),
        whatIf: (request) => insights.whatIf(request),
        lens: (token) => insights.lens(token),
        predictAt: (token) => insights.predictAt(token),
        layerNorms: (layer) => insights.layerNorms(layer),
        describeNode: (place) => insights.describeNode(place),
        nearBoundary: (request) => insights.nearBoundary(request),
        usage: () => insights.usage,
        usageContexts: (place) => insights.usageContexts(place),
        mapUsage: () => actions.mapUsage(),
        openReport: (kind) => actions.openReport(kind),
        compare: (on) => (on ? insights.compareWithPrevious() : insights.endComparison()),
        compareContexts: (on) => (on ? actions.compareContexts() : insights.endContexts()),
        exportFile: (file) => actions.exportFile(file),
        exportTrace: () => actions.exportTrace(),
      },
      (where, thrown) => log.warn(`View ${this.name}, ${where}: ${describeThrown(thrown)}`),
    );
    const send = <Name extends keyof ViewEvents>(name: Name, payload: ViewEvents[Name]): void => {
      if (this.hydrated) {
        rpc.emit(name, payload);
      }
    };
    this.store.add(rpc);
    this.store.add(session.on('traced', (traced) => send('traced', traced)));
    this.store.add(session.on('status', (status) => send('status', status)));
    this.store.add(session.on('runner', (state) => send('runner', state)));
    this.store.add(session.on('timing', (timing) => send('timing', timing)));
    this.store.add(session.on('passTiming', (timing) => send('passTiming', timing)));
    this.store.add(insights.on('usage', (note) => send('usage', note)));
    this.store.add(insights.on('compared', (compared) => send('compared', compared)));
    this.store.add(insights.on('contexts', (contexts) => send('contexts', contexts)));
    this.store.add(
      insights.on('interventions', ({ whatIf, origin }) => {
        if (origin !== this) {
          send('interventions', whatIf);
        }
      }),
    );
    this.store.add(
      session.on('focus', ({ focus, origin }) => {
        if (origin !== this) {
          send('focus', focus);
        }
      }),
    );
  }

  /** The page is gone until it says `ready` again. */
  hidden(): void {
    this.hydrated = false;
  }

  dispose(): void {
    this.hydrated = false;
    this.store.dispose();
  }

  private lost(log: Log, thrown: unknown): void {
    this.hydrated = false;
    log.debug(`View ${this.name} took no message: ${describeThrown(thrown)}`);
  }
}
