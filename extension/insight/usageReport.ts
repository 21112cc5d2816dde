/** A usage map for people, as Markdown, and for programs, as JSON. Pure. */
import { code, plain } from '../pathTable';
import type { MappedDocument, TreeUsage, UsageMap } from '../protocol';
import { firstOfLevel, leafCount, levelOf, nodeCount } from '../tree';
import { usagePicture } from './usagePicture';

const LISTED_DOCUMENTS = 30;
/** Sub-trees of this level are listed with their tokens. */
const LISTED_LEVEL = 3;
const BAR = 20;

/**
 * @param label what was mapped.
 * @param skipped files that were left out, with the reason.
 */
export function usageMarkdown(
  usage: UsageMap,
  label: string,
  skipped: readonly { name: string; reason: string }[],
): string {
  const { documents, tokens, model, layers } = usage;
  const cached = documents.filter(({ fromCache }) => fromCache).length;
  const omitted = documents.filter((document) => document.omitted);
  const parts = [
    `# Usage of ${plain(model.name)} by ${code(label)}`,
    `${plural(documents.length, 'text')}, ${plural(tokens, 'token')}; ${known(cached, documents.length)}`,
    '## Layers',
    layersTable(usage),
    'In the pictures the root is on top and every level halves the width; the taller a mark, the more tokens pass.',
    ...layers.flatMap((trees, layer) =>
      trees.flatMap((tree, index) => [
        `## Layer ${layer}${trees.length > 1 ? `, tree ${index}` : ''}`,
        picture(usage, tree, layer),
        subTreesTable(usage, tree),
        unreachedSentence(usage, tree),
      ]),
    ),
    '## Texts',
    documentsTable(documents),
  ];
  if (omitted.length + skipped.length > 0) {
    const reasons = [
      ...omitted.map(({ name }) => `- ${code(name)}: the memory kept for usage is full`),
      ...skipped.map(({ name, reason }) => `- ${code(name)}: ${plain(reason)}`),
    ];
    parts.push('## Left out', reasons.join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

/** The same in one sentence, for a notification. */
export function usageSentence({ documents, tokens }: UsageMap, label: string, skipped: number): string {
  const omitted = documents.filter((document) => document.omitted).length + skipped;
  const left = omitted === 0 ? '' : ` ${plural(omitted, 'text')} left out.`;
  return `Mapped ${label}: ${plural(tokens, 'token')} of ${plural(documents.length, 'text')}.${left}`;
}

function known(cached: number, all: number): string {
  return cached === 0
    ? 'all of it was read.'
    : cached === all
      ? 'all of it was known and not read again.'
      : `${plural(cached, 'text')} ${cached === 1 ? 'was' : 'were'} known and not read again.`;
}

/** Everything there is, arrays as lists. */
export function usageJson(usage: UsageMap, label: string): string {
  const list = (_: string, value: unknown): unknown =>
    ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
  return `${JSON.stringify({ format: 'fffusage', version: 1, label, ...usage }, list)}\n`;
}

function depthOf({ model: { feedforward } }: UsageMap): number {
  return feedforward.kind === 'fff' ? feedforward.depth : 0;
}

function layersTable(usage: UsageMap): string {
  const depth = depthOf(usage);
  const rows = usage.layers.flatMap((trees, layer) =>
    trees.map(
      (tree, index) =>
        `| ${layer} | ${index} | ${tree.entropyBits.toFixed(2)} of ${depth} | ${tree.gini.toFixed(3)} | ` +
        `${tree.leavesReached} of ${leafCount(depth)} | ${share(tree.visits.filter((visits) => visits === 0).length, tree.visits.length)} |`,
    ),
  );
  return [
    '| layer | tree | entropy of the leaves, bits | Gini | leaves reached | nodes never visited |',
    '| --: | --: | --: | --: | --: | --: |',
    ...rows,
  ].join('\n');
}

/** The whole tree at a glance; the words are for whoever cannot see it. */
function picture(usage: UsageMap, tree: TreeUsage, layer: number): string {
  const depth = depthOf(usage);
  const words = `Visits of all nodes of layer ${layer}, root on top: ${tree.leavesReached} of ${leafCount(depth)} leaves reached`;
  const data = Buffer.from(usagePicture(tree.visits, depth)).toString('base64');
  return `![${words}](data:image/svg+xml;base64,${data})`;
}

/** The sub-trees of a level, from left to right, with their part of the traffic and their most frequent tokens. */
function subTreesTable(usage: UsageMap, tree: TreeUsage): string {
  const level = Math.min(LISTED_LEVEL, depthOf(usage));
  const total = tree.visits[0] ?? 0;
  const rows = Array.from({ length: leafCount(level) }, (_, place) => {
    const node = firstOfLevel(level) + place;
    const visits = tree.visits[node] ?? 0;
    const bar = '█'.repeat(total === 0 ? 0 : Math.round((BAR * visits) / total));
    return `| ${node} | ${visits} | ${share(visits, total)} | ${bar} | ${topTokens(usage, tree, node)} |`;
  });
  return ['| node | tokens | share | | most frequent |', '| --: | --: | --: | :-- | :-- |', ...rows].join('\n');
}

function topTokens({ words }: UsageMap, tree: TreeUsage, node: number): string {
  const [from = 0, to = 0] = [tree.tokenOffsets[node], tree.tokenOffsets[node + 1]];
  return Array.from({ length: to - from }, (_, index) => {
    const entry = from + index;
    return `${cell(words[tree.tokenWords[entry]!]?.text ?? '')} (${tree.tokenCounts[entry]!})`;
  }).join(', ');
}

function unreachedSentence(usage: UsageMap, { unreached }: TreeUsage): string {
  if (unreached.length === 0) {
    return 'Every node was reached.';
  }
  const depth = depthOf(usage);
  const nodes = [...unreached].reduce((sum, node) => sum + nodeCount(depth - levelOf(node)), 0);
  const largest = [...unreached].slice(0, 8).join(', ');
  return unreached.length === 1
    ? `One sub-tree with ${plural(nodes, 'node')} was never reached; it begins at ${largest}.`
    : `${plural(unreached.length, 'sub-tree')} with ${plural(nodes, 'node')} were never reached; the largest begin at ${largest}.`;
}

function documentsTable(documents: readonly MappedDocument[]): string {
  const largest = [...documents].sort((one, other) => other.tokens - one.tokens).slice(0, LISTED_DOCUMENTS);
  const rest = documents.length - largest.length;
  return [
    '| text | tokens | |',
    '| :-- | --: | :-- |',
    ...largest.map(
      ({ name, tokens, fromCache, omitted }) =>
        `| ${cell(name)} | ${tokens} | ${omitted ? 'left out' : fromCache ? 'known already' : 'read'} |`,
    ),
    ...(rest > 0 ? [`| ${rest} more | | |`] : []),
  ].join('\n');
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `1 text`, `2 texts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A name or token in a table, where a bar must not end the cell. */
function cell(text: string): string {
  return code(text).replaceAll('|', '\\|');
}
