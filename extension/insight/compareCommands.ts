/** Comparing: two traces, two models, and one word in several sentences. Each ends in the views and in a report. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { contextsOf, wordStarts } from '../contexts';
import { FffError, isCancellation } from '../errors';
import type { Trace, TraceSource } from '../protocol';
import { linesOf, type EditorLike, readSelection } from '../selection';
import type { Inspection, Session } from '../session';
import type { ViewActions } from '../views/viewHost';
import { compareMarkdown, compareSentence, contextMarkdown, contextSentence } from './compareReport';
import type { Insights } from './insights';
import { withCancel, type Progress } from './longWork';
import type { Reports } from './reports';

export interface CompareServices {
  session: Pick<Session, 'state' | 'inspect' | 'lastInspection' | 'isTracing' | 'cancel'>;
  insights: Insights;
  settings(): { modelDirectory: string };
  editors: { readonly current: EditorLike | undefined };
  actions: Pick<ViewActions, 'openTracePanel'>;
  reports: Pick<Reports, 'offer'>;
}

/** Sentences traced for one word; each costs a run of the model. */
const MOST_SENTENCES = 64;
const SHARED_WORD = 'Select several lines that share a whole word.';

export class CompareCommands {
  constructor(private readonly services: CompareServices) {}

  /** The shown trace with the one before. @throws FffError BAD_INPUT where there is none. */
  async withPrevious(): Promise<void> {
    this.services.insights.compareWithPrevious();
    await this.report();
  }

  /**
   * The inspected text in another model and in the current one, which stays the one that is shown.
   * @param folder of the other model; asked for where absent.
   * @throws FffError CANCELLED, or why the other model cannot be used; what is shown stays.
   */
  async models(folder?: vscode.Uri): Promise<void> {
    const { session, insights, editors } = this.services;
    const inspection = session.lastInspection ?? readSelection(editors.current);
    const other = folder ?? (await pickModelFolder());
    if (other === undefined) {
      return;
    }
    session.cancel();
    const what = 'Comparing the models';
    const trace = await this.aside(what, `Tracing with the model ${path.basename(other.fsPath)}`, (signal) =>
      insights.traceAside(other.fsPath, inspection.text, signal),
    );
    if ((await this.show(what, inspection)) !== null) {
      insights.compareWith(trace, inspection.source);
      await this.report();
    }
  }

  /**
   * Traces beside what is shown, with a Cancel button; where that fails, what is shown is traced again.
   * @param what for the message when another text was inspected meanwhile, which ends it.
   * @throws FffError CANCELLED by the user; BAD_INPUT where another text was inspected; else what the work throws.
   */
  private async aside<Result>(
    what: string,
    title: string,
    work: (signal: AbortSignal, progress: Progress) => Promise<Result>,
  ): Promise<Result> {
    const { session } = this.services;
    const before = session.lastInspection;
    let byUser: AbortSignal | undefined;
    try {
      return await withCancel(title, (signal, progress) => {
        byUser = signal;
        return work(signal, progress);
      });
    } catch (thrown) {
      const isSuperseded = isCancellation(thrown) && byUser?.aborted !== true && session.lastInspection !== before;
      await this.traceShownAgain();
      throw isSuperseded ? givenUp(what) : thrown;
    }
  }

  /** @returns null where the user cancelled. @throws FffError BAD_INPUT where another text was inspected meanwhile. */
  private async show(what: string, inspection: Inspection): Promise<Trace | null> {
    const { session } = this.services;
    const trace = await session.inspect(inspection);
    if (trace === null && session.lastInspection !== inspection) {
      throw givenUp(what);
    }
    return trace;
  }

  /** The runner may have let go of the shown trace's model meanwhile; without it nothing more could be asked about it. */
  private async traceShownAgain(): Promise<void> {
    const { session } = this.services;
    if (session.isTracing) {
      return;
    }
    if (session.state.trace !== null && session.lastInspection !== null) {
      // What goes wrong with it is said where the trace is shown.
      await session.inspect(session.lastInspection).catch(() => undefined);
    }
  }

  /**
   * The same word in the selected lines, one sentence a line. The last sentence is shown, beside the first.
   * @param word asked for where absent.
   */
  async contexts(word?: string): Promise<void> {
    const { session, insights, settings, actions, reports } = this.services;
    const lines = linesOf(this.services.editors.current);
    const wanted = word ?? (await askWord(lines));
    if (wanted === undefined) {
      return;
    }
    const found = lines.filter(({ text }) => wordStarts(text, wanted).length > 0);
    const sentences = found.slice(0, MOST_SENTENCES);
    const last = sentences.at(-1);
    if (last === undefined || sentences.length < 2) {
      throw new FffError(
        'BAD_INPUT',
        `“${wanted.trim()}” is a whole word in fewer than two of the selected lines.`,
        SHARED_WORD,
      );
    }
    await actions.openTracePanel();
    session.cancel();
    const what = `Comparing “${wanted.trim()}” in its sentences`;
    const traced = await this.traceAll(what, wanted, sentences.slice(0, -1), settings().modelDirectory);
    const shown = await this.show(what, last);
    const [first] = traced;
    if (shown === null || first === undefined) {
      return;
    }
    if (traced.some(({ trace }) => trace.model.weightsHash !== shown.model.weightsHash)) {
      throw new FffError(
        'BAD_INPUT',
        `${what} was given up because the model changed meanwhile.`,
        'Run the command again.',
      );
    }
    const test = contextsOf(
      wanted,
      [...traced, { trace: shown, source: last.source }],
      found.length - sentences.length,
    );
    if (test.occurrences.length < 2) {
      throw new FffError(
        'BAD_INPUT',
        `The model reads “${wanted.trim()}” in fewer than two of the selected lines.`,
        SHARED_WORD,
      );
    }
    insights.compareWith(first.trace, first.source);
    insights.setContexts(test);
    reports.offer('comparison', contextMarkdown(test), contextSentence(test));
  }

  /** Traces sentences one after another, beside what is shown. @throws FffError CANCELLED. */
  private async traceAll(
    what: string,
    word: string,
    sentences: readonly Inspection[],
    model: string,
  ): Promise<{ trace: Trace; source: TraceSource }[]> {
    const { insights } = this.services;
    const count = sentences.length + 1;
    return this.aside(what, `Tracing “${word.trim()}” in ${count} sentences`, async (signal, progress) => {
      const traced: { trace: Trace; source: TraceSource }[] = [];
      for (const { text, source } of sentences) {
        traced.push({ trace: await insights.traceAside(model, text, signal), source });
        progress.report({ increment: 100 / count });
      }
      return traced;
    });
  }

  private async report(): Promise<void> {
    const { session, insights, reports, actions } = this.services;
    const { trace } = session.state;
    const { compared } = insights.state;
    if (trace !== null && compared !== null) {
      await actions.openTracePanel();
      reports.offer('comparison', compareMarkdown(compared, trace), compareSentence(compared, trace));
    }
  }
}

function givenUp(what: string): FffError {
  return new FffError(
    'BAD_INPUT',
    `${what} was given up because another text was inspected.`,
    'Run the command again, and inspect nothing else until it is done.',
  );
}

async function pickModelFolder(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Select the other checkpoint folder',
    openLabel: 'Compare with This Model',
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return picked?.[0];
}

function askWord(lines: readonly Inspection[]): PromiseLike<string | undefined> {
  return vscode.window.showInputBox({
    title: 'Same word in several sentences',
    prompt: `Which word of the ${lines.length} selected lines?`,
    value: sharedWord(lines.map(({ text }) => text)),
    validateInput: (word) => (word.trim() === '' ? 'Enter a word that the lines share.' : undefined),
  });
}

/** The longest word that most of the lines have. */
export function sharedWord(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of lines) {
    for (const word of new Set(line.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [])) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(
    ([one, few], [other, many]) => many - few || other.length - one.length || (one < other ? -1 : 1),
  );
  return best?.[0] ?? '';
}
