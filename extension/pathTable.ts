/** A token's path as a Markdown table, for the hover and reports. Pure. */
import type { Trace } from './protocol';
import { gelu, pathToLeaf } from './tree';

/** Space at the beginning of a cell; as a character Markdown would take it off. */
const ROOM = '&nbsp;&nbsp;';

/** Text that Markdown shows as it is, on one line, also inside a table. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>()#+\-.!|~$&:@/]/g, '\\$&');
}

/** Text as code: Markdown shows it as it is, on one line, and it stays legible where nobody renders it. */
export function code(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  // Blanks at both ends are taken off once; a text that is nothing but blanks has none to lose.
  const needsRoom = line === '' || line.startsWith('`') || line.endsWith('`') || /^ .*\S.* $/.test(line);
  return needsRoom ? `${fence} ${line} ${fence}` : fence + line + fence;
}

/** One step of a path. */
export interface PathStep {
  level: number;
  node: number;
  logit: number;
  activation: number;
  /** Null for the leaf, which decides nothing. */
  turn: 'left' | 'right' | null;
}

/** The path of a token in one tree of one layer, root first; empty for a dense layer. */
export function pathSteps(trace: Trace, token: number, layer: number, tree: number): PathStep[] {
  const { feedforward } = trace.model;
  const routing = trace.layers[layer];
  if (feedforward.kind !== 'fff' || !routing) {
    return [];
  }
  const { depth, trees } = feedforward;
  const path = token * trees + tree;
  const nodes = pathToLeaf(routing.leaves[path]!, depth);
  return nodes.map((node, level) => {
    const logit = routing.logits[path * (depth + 1) + level]!;
    // The next node says where the path really went, interventions included.
    const next = nodes[level + 1];
    return {
      level,
      node,
      logit,
      activation: gelu(logit),
      turn: next === undefined ? null : next === 2 * node + 1 ? 'left' : 'right',
    };
  });
}

/** A number of a path with its sign and three decimals. */
export function signedText(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(3)}`.replace('-', '−');
}

/** The table with a heading line, as Markdown. A hover sets columns without room between them, so cells bring their own. */
export function pathMarkdown(trace: Trace, token: number, layer: number, tree: number): string {
  const { feedforward } = trace.model;
  const name = trace.tokens[token]?.text ?? '';
  const trees = feedforward.kind === 'fff' ? feedforward.trees : 1;
  const where = `layer ${layer}${trees > 1 ? `, tree ${tree}` : ''}`;
  const steps = pathSteps(trace, token, layer, tree);
  const lines = steps.map(
    ({ level, node, logit, activation, turn }) =>
      `| ${level} | ${node} | ${ROOM}${signedText(logit)} | ${ROOM}${turn ?? 'leaf'} | ${ROOM}${signedText(activation)} |`,
  );
  return [
    `**${plain(name)}**, ${where}`,
    '',
    `| level | ${ROOM}node | logit | ${ROOM}goes | ${ROOM}activation |`,
    '| --: | --: | --: | :-- | --: |',
    ...lines,
  ].join('\n');
}
