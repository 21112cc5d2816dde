/** Comparing: two traces, two models, and one word in several sentences. Each ends in the views and in a report. */
import * as vscode from 'vscode';
import { contextTest, findWord } from '../compare';
import { FffError } from '../errors';
import type { Trace } from '../protocol';
import { linesOf, type EditorLike, readSelection } from '../selection';
import type { Inspection, Session } from '../session';
import { compareMarkdown, contextMarkdown } from './compareReport';
import type { Insights } from './insights';
import { showReport } from './mapUsage';

export interface CompareServices {
  session: Pick<Session, 'state' | 'inspect' | 'lastInspection' | 'cancel'>;
  insights: Insights;
  settings(): { modelDirectory: string };
  editors: { readonly current: EditorLike | undefined };
}

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
   */
  async models(folder?: vscode.Uri): Promise<void> {
    const { session, insights, editors } = this.services;
    const inspection = session.lastInspection ?? readSelection(editors.current);
    const other = folder ?? (await pickModelFolder());
    if (other === undefined) {
      return;
    }
    session.cancel();
    const trace = await insights.traceAside(other.fsPath, inspection.text);
    if ((await session.inspect(inspection)) !== null) {
      insights.compareWith(trace, inspection.source);
      await this.report();
    }
  }

  /**
   * The same word in the selected lines, one sentence a line. The last sentence is shown, beside the first.
   * @param word asked for where absent.
   */
  async contexts(word?: string): Promise<void> {
    const { session, insights, settings, editors } = this.services;
    const lines = linesOf(editors.current);
    const wanted = word ?? (await askWord(lines));
    if (wanted === undefined) {
      return;
    }
    const sentences = lines.filter(({ text }) => text.toLowerCase().includes(wanted.trim().toLowerCase()));
    const last = sentences.at(-1);
    if (last === undefined || sentences.length < 2) {
      throw new FffError(
        'BAD_INPUT',
        `“${wanted}” stands in fewer than two of the selected lines.`,
        'Select several lines that share a word.',
      );
    }
    session.cancel();
    const traces: Trace[] = [];
    for (const { text } of sentences.slice(0, -1)) {
      traces.push(await insights.traceAside(settings().modelDirectory, text));
    }
    const shown = await session.inspect(last);
    const [first] = traces;
    if (shown === null || first === undefined) {
      return;
    }
    traces.push(shown);
    const occurrences = findWord(traces, wanted);
    if (occurrences.length < 2) {
      throw new FffError('BAD_INPUT', `“${wanted}” is no whole word in two of the selected lines.`);
    }
    insights.compareWith(first, sentences[0]?.source ?? null);
    await showReport(contextMarkdown(wanted.trim(), traces, occurrences, contextTest(traces, occurrences)));
  }

  private async report(): Promise<void> {
    const { trace } = this.services.session.state;
    const { compared } = this.services.insights.state;
    if (trace !== null && compared !== null) {
      await showReport(compareMarkdown(compared, trace));
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
