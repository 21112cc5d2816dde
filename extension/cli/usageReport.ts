/** Usage of trees for people and as JSON. */
import type { ModelInfo, TreeUsage, UsageMap } from '../protocol';
import { firstOfLevel } from '../tree';
import { count, plural, significant, styleFor, table, visible } from './format';

/** Roots of dead sub-trees named in the table; the JSON has all. */
const SHOWN_ROOTS = 6;

/** @param level Level of the nodes whose tokens are listed. */
export function renderUsage(usage: UsageMap, level: number, color: boolean): string {
  const style = styleFor(color);
  const { depth, trees } = treesOf(usage.model);
  const cached = usage.documents.filter(({ omitted }) => !omitted).length;
  const heading = `${style.bold(usage.model.name)}: ${plural(usage.tokens, 'token')} of ${plural(cached, 'file')}\n\n`;
  const rows = usage.layers.flatMap((ofLayer, layer) =>
    ofLayer.map((tree, index) => [
      trees === 1 ? String(layer) : `${layer}.${index}`,
      `${tree.entropyBits.toFixed(2)} of ${depth}`,
      tree.gini.toFixed(3),
      `${count(tree.leavesReached)} of ${count(2 ** depth)}`,
      count(tree.unreached.length),
      [...tree.unreached.subarray(0, SHOWN_ROOTS)].join(' ') + (tree.unreached.length > SHOWN_ROOTS ? ' ...' : ''),
    ]),
  );
  const summary = table(
    [
      { title: trees === 1 ? 'layer' : 'layer.tree', align: 'left' },
      { title: 'entropy, bits', align: 'right' },
      { title: 'Gini', align: 'right' },
      { title: 'leaves reached', align: 'right' },
      { title: 'dead sub-trees', align: 'right' },
      { title: 'at nodes', align: 'left' },
    ],
    rows,
    style,
  );
  const lists = usage.layers.flatMap((ofLayer, layer) =>
    ofLayer.map((tree, index) => {
      const title = trees === 1 ? `Layer ${layer}` : `Layer ${layer}, tree ${index}`;
      return `\n${style.bold(`${title}, level ${level}`)}\n${nodeTable(usage, tree, level, color)}`;
    }),
  );
  return heading + summary + lists.join('');
}

function nodeTable(usage: UsageMap, tree: TreeUsage, level: number, color: boolean): string {
  const first = firstOfLevel(level);
  const nodes = Array.from({ length: 2 ** level }, (_, place) => first + place).filter(
    (node) => tree.visits[node]! > 0,
  );
  return table(
    [
      { title: 'node', align: 'right' },
      { title: 'visits', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'top tokens', align: 'left' },
    ],
    nodes.map((node) => [
      String(node),
      count(tree.visits[node]!),
      `${significant((100 * tree.visits[node]!) / usage.tokens)} %`,
      tokensOf(usage, tree, node)
        .map(({ text, visits }) => `${visible(text)} ${count(visits)}`)
        .join('  '),
    ]),
    styleFor(color),
  );
}

function tokensOf(usage: UsageMap, tree: TreeUsage, node: number): { id: number; text: string; visits: number }[] {
  const entries = [];
  for (let entry = tree.tokenOffsets[node]!; entry < tree.tokenOffsets[node + 1]!; entry++) {
    entries.push({ ...usage.words[tree.tokenWords[entry]!]!, visits: tree.tokenCounts[entry]! });
  }
  return entries;
}

/**
 * `{model, documents, tokens, words: [{id, text}], layers: [[tree]]}`; a tree as in the protocol, typed arrays as plain
 * ones.
 */
export function usageToJson(usage: UsageMap): string {
  return `${JSON.stringify(usage, (_, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Uint32Array)] : value))}\n`;
}

function treesOf({ feedforward }: ModelInfo): { depth: number; trees: number } {
  return feedforward.kind === 'fff' ? feedforward : { depth: 0, trees: 0 };
}
