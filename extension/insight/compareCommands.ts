/** Comparing: two traces, two models, and one word in several sentences. Each ends in the views and in a report. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { contextsOf } from '../contexts';
import { FffError } from '../errors';
import type { Trace, TraceSource } from '../protocol';
import { linesOf, type EditorLike, readSelection } from '../selection';
import type { Inspection, Session } from '../session';
import type { ViewActions } from '../views/viewHost';
import { compareMarkdown, compareSentence, contextMarkdown, contextSentence } from './compareReport';
import type { Insights } from './insights';
import { withCancel } from './longWork';
import type { Reports } from './reports';

export interface CompareServices {
  session: Pick<Session, 'state' | 'inspect' | 'lastInspection' | 'cancel'>;
  insights: Insights;
  settings(): { modelDirectory: string };
  editors: { readonly current: EditorLike | undefined };
  actions: Pick<ViewActions, 'openTracePanel'>;
  reports: Pick<Reports, 'offer'>;
}

/** Sentences traced for one word; each costs a run of the model. */
const MOST_SENTENCES = 64;

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
    let trace: Trace;
    try {
      trace = await withCancel(`Tracing with the model ${path.basename(other.fsPath)}`, (signal) =>
        insights.traceAside(other.fsPath, inspection.text, signal),
      );
    } catch (thrown) {
      await this.traceShownAgain();
      throw thrown;
    }
    if ((await session.inspect(inspection)) !== null) {
      insights.compareWith(trace, inspection.source);
      await this.report();
    }
  }

  /** The runner may have let go of the shown trace's model meanwhile; without it nothing more could be asked about it. */
  private async traceShownAgain(): Promise<void> {
    const { session } = this.services;
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
    const { session, insights, actions, reports } = this.services;
    const lines = linesOf(this.services.editors.current);
    const wanted = word ?? (await askWord(lines));
    if (wanted === undefined) {
      return;
    }
    const found = lines.filter(({ text }) => text.toLowerCase().includes(wanted.trim().toLowerCase()));
    const sentences = found.slice(0, MOST_SENTENCES);
    const last = sentences.at(-1);
    if (last === undefined || sentences.length < 2) {
      throw new FffError(
        'BAD_INPUT',
        `“${wanted}” stands in fewer than two of the selected lines.`,
        'Select several lines that share a word.',
      );
    }
    await actions.openTracePanel();
    session.cancel();
    const traced = await this.traceAll(wanted, sentences.slice(0, -1));
    const shown = await session.inspect(last);
    const [first] = traced;
    if (shown === null || first === undefined) {
      return;
    }
    const test = contextsOf(
      wanted,
      [...traced, { trace: shown, source: last.source }],
      found.length - sentences.length,
    );
    if (test.occurrences.length < 2) {
      throw new FffError('BAD_INPUT', `“${wanted}” is no whole word in two of the selected lines.`);
    }
    insights.compareWith(first.trace, first.source);
    insights.setContexts(test);
    reports.offer('comparison', contextMarkdown(test), contextSentence(test));
  }

  /** Traces sentences one after another, beside what is shown. @throws FffError CANCELLED. */
  private async traceAll(
    word: string,
    sentences: readonly Inspection[],
  ): Promise<{ trace: Trace; source: TraceSource }[]> {
    const { insights, settings } = this.services;
    const count = sentences.length + 1;
    try {
      return await withCancel(`Tracing “${word.trim()}” in ${count} sentences`, async (signal, progress) => {
        const traced: { trace: Trace; source: TraceSource }[] = [];
        for (const { text, source } of sentences) {
          traced.push({ trace: await insights.traceAside(settings().modelDirectory, text, signal), source });
          progress.report({ increment: 100 / count });
        }
        return traced;
      });
    } catch (thrown) {
      await this.traceShownAgain();
      throw thrown;
    }
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
