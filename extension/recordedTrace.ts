/**
 * One trace from a file, as views look at it: nothing runs, and what the runner would have to be asked is refused. A file
 * that is no trace is its error alone.
 */
import { Events, type Disposable } from './disposable';
import { FffError } from './errors';
import { clampFocus } from './focus';
import type { InsightTruth } from './insight/insights';
import type { Focus, WhatIfState, WireError } from './protocol';
import type { SessionEvents, SessionState } from './session';
import type { TraceFile } from './traceFile';
import type { ViewTruth } from './views/viewHost';

export class RecordedTrace implements ViewTruth {
  private readonly events = new Events<SessionEvents>();
  private focus: Focus;

  constructor(readonly file: TraceFile) {
    this.focus = clampFocus({ ...file.focus, node: file.focus.node ?? null }, file.trace);
  }

  get state(): SessionState {
    const { trace, source, timings, passTiming } = this.file;
    return {
      trace,
      source,
      timings,
      passTiming,
      focus: this.focus,
      status: { kind: 'idle' },
      runner: { kind: 'stopped' },
    };
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (payload: SessionEvents[Name]) => void): Disposable {
    return this.events.on(name, listener);
  }

  setFocus(focus: Focus, origin: unknown = null): void {
    this.focus = clampFocus(focus, this.file.trace);
    this.events.fire('focus', { focus: this.focus, origin });
  }

  cancel(): void {
    // Nothing runs.
  }

  painted(): void {
    // Nobody waits.
  }

  /** What is known beside the trace: the changes that were under trial. */
  get insights(): InsightTruth {
    return onlyLookedAt(this.file.whatIf);
  }
}

/** What a view shows in the place of a file that is no trace; it never changes. */
export function unreadableTrace(error: WireError): { session: ViewTruth; insights: InsightTruth } {
  const nothing = (): void => undefined;
  return {
    session: {
      state: {
        trace: null,
        source: null,
        timings: [],
        passTiming: null,
        focus: { token: 0, layer: 0, tree: 0, node: null },
        status: { kind: 'failed', error },
        runner: { kind: 'stopped' },
      },
      on: () => ({ dispose: nothing }),
      setFocus: nothing,
      cancel: nothing,
      painted: nothing,
    },
    insights: onlyLookedAt({ interventions: [], result: null }),
  };
}

function onlyLookedAt(whatIf: WhatIfState): InsightTruth {
  const refuse = (): never => {
    throw new FffError('BAD_INPUT', 'A trace from a file is only looked at.', 'Inspect its text again to ask more.');
  };
  return {
    state: { whatIf, usage: null, compared: null, contexts: null },
    usage: null,
    on: () => ({ dispose: () => undefined }),
    setInterventions: refuse,
    whatIf: refuse,
    lens: refuse,
    predictAt: refuse,
    layerNorms: refuse,
    describeNode: refuse,
    nearBoundary: refuse,
    usageContexts: refuse,
    compareWithPrevious: refuse,
    endComparison: () => undefined,
    endContexts: () => undefined,
  };
}
