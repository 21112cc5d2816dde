/** Comparisons for people, as Markdown. Pure. */
import type { LayerAgreement, Occurrence } from '../compare';
import { plain } from '../pathTable';
import type { Compared, LayerComparison, Trace } from '../protocol';

const LISTED_TOKENS = 40;

/** Two traces: how far the paths agree in each layer, and where each token's path parts first. */
export function compareMarkdown({ trace: first, comparison }: Compared, second: Trace): string {
  const { pairs, onlyFirst, onlySecond, layers } = comparison;
  const rows = layers.map((layer, index) =>
    layer === null
      ? `| ${index} | not comparable | | |`
      : `| ${index} | ${percent(layer.overlap)} | ${percent(layer.samePaths)} | ${firstLevels(layer, depthOf(second))} |`,
  );
  const lonely = (trace: Trace, tokens: Uint32Array): string =>
    tokens.length === 0
      ? 'none'
      : [...tokens]
          .slice(0, LISTED_TOKENS)
          .map((token) => name(trace, token))
          .join(', ');
  return `${[
    '# Two traces compared',
    [
      `- First: ${excerpt(first)} (${plain(first.model.name)}, ${first.tokens.length} tokens)`,
      `- Second: ${excerpt(second)} (${plain(second.model.name)}, ${second.tokens.length} tokens)`,
      `- ${pairs.length / 2} tokens belong together`,
      `- Only in the first: ${lonely(first, onlyFirst)}`,
      `- Only in the second: ${lonely(second, onlySecond)}`,
    ].join('\n'),
    '## Layers',
    [
      '| layer | decisions shared | same path to the leaf | paths part at level |',
      '| --: | --: | --: | :-- |',
      ...rows,
    ].join('\n'),
    '## Tokens',
    'Level of the first node in which the two paths differ; = where they are the same to the leaf.',
    tokensTable(second, comparison),
  ].join('\n\n')}\n`;
}

/** Where a word stands, and whether its path depends on that. */
export function contextMarkdown(
  word: string,
  traces: readonly Trace[],
  occurrences: readonly Occurrence[],
  layers: readonly (LayerAgreement | null)[],
): string {
  const rows = layers.map((layer, index) =>
    layer === null
      ? `| ${index} | dense | | |`
      : `| ${index} | ${percent(layer.overlap)} | ${percent(layer.background)} | ${percent(layer.samePaths)} |`,
  );
  const places = occurrences.map(({ trace, tokens }, index) => {
    const shown = traces[trace];
    const from = shown?.tokens[tokens[0] ?? 0]?.start ?? 0;
    const around = shown?.text.slice(Math.max(0, from - 30), from + word.length + 30) ?? '';
    return `| ${index + 1} | ${plain(around)} |`;
  });
  const matrices = layers.flatMap((layer, index) =>
    layer === null ? [] : [`### Layer ${index}`, matrix(layer, occurrences.length)],
  );
  return `${[
    `# “${plain(word)}” in ${traces.length} sentences`,
    `${occurrences.length} occurrences. Where context decides, a word shares fewer decisions with itself elsewhere; what any two tokens of these sentences share is the bar it has to beat.`,
    [
      '| layer | decisions shared | any two tokens | same path to the leaf |',
      '| --: | --: | --: | --: |',
      ...rows,
    ].join('\n'),
    '## Occurrences',
    ['| | |', '| --: | :-- |', ...places].join('\n'),
    '## Decisions shared by each two',
    ...matrices,
  ].join('\n\n')}\n`;
}

function matrix({ overlaps }: LayerAgreement, count: number): string {
  const columns = Array.from({ length: count }, (_, index) => index);
  const cell = (row: number, column: number): string => percent(overlaps[row * count + column]!);
  return [
    `| | ${columns.map((column) => column + 1).join(' | ')} |`,
    `| --: |${columns.map(() => ' --: |').join('')}`,
    ...columns.map((row) => `| ${row + 1} | ${columns.map((column) => cell(row, column)).join(' | ')} |`),
  ].join('\n');
}

/** How many paths part at which level; the last level of all is that of paths that never part. */
function firstLevels({ divergenceLevels }: LayerComparison, depth: number): string {
  const counts = new Map<number, number>();
  divergenceLevels.forEach((level) => counts.set(level, (counts.get(level) ?? 0) + 1));
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([level, count]) => `${level > depth ? 'never' : level}: ${count}`)
    .join(', ');
}

function tokensTable(second: Trace, { pairs, layers }: Compared['comparison']): string {
  const count = pairs.length / 2;
  const { feedforward } = second.model;
  const trees = feedforward.kind === 'fff' ? feedforward.trees : 1;
  const depth = depthOf(second);
  const cell = (layer: LayerComparison | null, pair: number): string => {
    if (layer === null) {
      return '';
    }
    const first = Math.min(...layer.divergenceLevels.subarray(pair * trees, (pair + 1) * trees));
    return first > depth ? '=' : String(first);
  };
  const rows = Array.from({ length: Math.min(count, LISTED_TOKENS) }, (_, pair) => {
    const cells = layers.map((layer) => cell(layer, pair));
    return `| ${name(second, pairs[2 * pair + 1]!)} | ${cells.join(' | ')} |`;
  });
  const more = count > LISTED_TOKENS ? `\n\n${count - LISTED_TOKENS} more tokens are not listed.` : '';
  return `${[
    `| token | ${layers.map((_, layer) => `layer ${layer}`).join(' | ')} |`,
    `| :-- |${layers.map(() => ' --: |').join('')}`,
    ...rows,
  ].join('\n')}${more}`;
}

function depthOf({ model: { feedforward } }: Trace): number {
  return feedforward.kind === 'fff' ? feedforward.depth : 0;
}

function name(trace: Trace, token: number): string {
  return plain(trace.tokens[token]?.text ?? '');
}

function excerpt({ text }: Trace): string {
  return `“${plain(text.length > 80 ? `${text.slice(0, 79)}…` : text)}”`;
}

function percent(value: number): string {
  return Number.isNaN(value) ? '–' : `${(100 * value).toFixed(1)} %`;
}
