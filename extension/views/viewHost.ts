/**
 * One webview's end of the protocol: a `Rpc` that answers its questions from the session and tells it what changed.
 *
 * VS Code throws a hidden page away and loads it anew when it is shown, and keeps what is sent meanwhile until the page
 * has loaded. So a view that becomes visible is told everything at once, before its page can ask, and increments from then
 * on, until it is hidden. Its page says `ready`, and is told everything then if that did not come ahead.
 */
import { DisposableStore, type Disposable } from '../disposable';
import { describeThrown, type Log } from '../log';
import type { ReportKind, ViewApi, ViewEvents, ViewState } from '../protocol';
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
  private readonly rpc: Rpc<ViewApi, None, ViewEvents>;
  private visible = false;
  private hydrated = false;
  /** Pages that said `ready` so far. */
  private pages = 0;
  /** Whether the state that was told ahead went to a page; null once a page has said `ready` to it, or without one. */
  private ahead: Promise<boolean> | null = null;
  /** The last message on its way. */
  private sending: Promise<boolean> = Promise.resolve(false);

  constructor(
    private readonly name: string,
    port: MessagePort,
    private readonly services: ViewServices,
  ) {
    const { session, insights, actions, log } = services;
    const rpc: Rpc<ViewApi, None, ViewEvents> = new Rpc<ViewApi, None, ViewEvents>(
      {
        // A page that is being thrown away refuses messages; it will ask for everything when it is back.
        send: (message) => {
          this.sending = this.deliver(port, message);
        },
        onMessage: (listener) => port.listen(listener),
        onClose: () => ({ dispose: () => undefined }),
      },
      {
        ready: async () => {
          const { ahead } = this;
          // A page that was loaded anew says it again, and knows nothing.
          this.ahead = null;
          this.hydrated = true;
          this.pages++;
          return (await ahead) === true ? null : this.everything();
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
    this.rpc = rpc;
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

  /** The view is visible. If it was not, its page is being loaded, and is told everything ahead. */
  shown(): void {
    if (!this.visible) {
      this.visible = this.hydrated = true;
      this.rpc.emit('state', this.everything());
      this.ahead = this.sending;
    }
  }

  /** The page is gone until the view is shown, or a page says `ready` again. */
  hidden(): void {
    this.visible = this.hydrated = false;
    this.ahead = null;
  }

  dispose(): void {
    this.hydrated = false;
    this.store.dispose();
  }

  private everything(): ViewState {
    return { ...this.services.session.state, ...this.services.insights.state };
  }

  /** @returns whether the message went to a page. */
  private async deliver(port: MessagePort, message: unknown): Promise<boolean> {
    const { pages } = this;
    try {
      return await port.send(message);
    } catch (thrown) {
      this.services.log.debug(`View ${this.name} took no message: ${describeThrown(thrown)}`);
      // Refused after another page has said `ready`, it was not meant for that one.
      if (pages === this.pages) {
        this.hydrated = false;
        // What came after the state is missing now: the page is told everything when it asks.
        this.ahead = null;
      }
      return false;
    }
  }
}
