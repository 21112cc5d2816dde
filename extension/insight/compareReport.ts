/** Comparisons for people, as Markdown. Pure. */
import type { LayerAgreement } from '../contexts';
import { plain } from '../pathTable';
import type { Compared, ContextTest, LayerComparison, Trace } from '../protocol';
import { plural } from './usageReport';

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
      `- First: ${excerpt(first)} (${plain(first.model.name)}, ${plural(first.tokens.length, 'token')})`,
      `- Second: ${excerpt(second)} (${plain(second.model.name)}, ${plural(second.tokens.length, 'token')})`,
      `- ${plural(pairs.length / 2, 'token')} ${pairs.length === 2 ? 'belongs' : 'belong'} together`,
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

/** The same in one sentence, for a notification. */
export function compareSentence({ trace: first, comparison: { pairs, layers } }: Compared, second: Trace): string {
  const parted = layers.filter((layer) => layer !== null && layer.samePaths < 1).length;
  const comparable = layers.filter((layer) => layer !== null).length;
  const models = first.model.name === second.model.name ? '' : ` of ${first.model.name} and ${second.model.name}`;
  const where = parted === 0 ? 'in no layer' : `in ${parted} of ${plural(comparable, 'layer')}`;
  return `Compared two traces${models}: ${plural(pairs.length / 2, 'token')} in both, paths part ${where}.`;
}

/** Where a word stands, and whether its path depends on that. */
export function contextMarkdown(test: ContextTest): string {
  const { word, sentences, occurrences, layers } = test;
  const rows = layers.map((layer, index) =>
    layer === null
      ? `| ${index} | dense | | |`
      : `| ${index} | ${percent(layer.overlap)} | ${percent(layer.background)} | ${percent(layer.samePaths)} |`,
  );
  const places = occurrences.map(({ trace, start, end }, index) => {
    const around = sentences[trace]?.text.slice(Math.max(0, start - 30), end + 30) ?? '';
    return `| ${index + 1} | ${plain(around)} |`;
  });
  const matrices = layers.flatMap((layer, index) =>
    layer === null ? [] : [`### Layer ${index}`, matrix(layer, occurrences.length)],
  );
  return `${[
    `# “${plain(word)}” in ${sentences.length} sentences`,
    `${occurrences.length} occurrences${leftOut(test)}. Where context decides, a word shares fewer decisions with itself elsewhere; what any two tokens of these sentences share is the bar it has to beat.`,
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

/** The same in one sentence: the layer in which the word agrees with itself least. */
export function contextSentence({ word, sentences, layers }: ContextTest): string {
  const shared = layers.map((layer) => layer?.overlap ?? NaN);
  const least = shared.indexOf(Math.min(...shared.filter((overlap) => !Number.isNaN(overlap))));
  const about = `“${word}” in ${sentences.length} sentences`;
  return least < 0
    ? `${about}: the layers are dense, so there are no paths to compare.`
    : `${about}: it shares the fewest decisions with itself in layer ${least}, ${percent(shared[least]!)}.`;
}

function leftOut({ omittedSentences, omittedOccurrences }: ContextTest): string {
  const parts = [
    ...(omittedOccurrences > 0 ? [plural(omittedOccurrences, 'more occurrence')] : []),
    ...(omittedSentences > 0 ? [plural(omittedSentences, 'more sentence')] : []),
  ];
  const isOne = omittedOccurrences + omittedSentences === 1;
  return parts.length === 0 ? '' : `, and ${parts.join(' and ')} that ${isOne ? 'was' : 'were'} left out`;
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
