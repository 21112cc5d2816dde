/** The panes of what is found out on request: each joins one chart to the store's answers. */
import { draw as drawLayerBars, type LayerBarsData } from '../charts/layerBars';
import { draw as drawLens, type LensData } from '../charts/lens';
import { draw as drawTable, type TableData } from '../charts/table';
import { draw as drawNodeCard, type NodeCardData } from '../charts/nodeCard';
import type { NodeCard, UsageMap } from '../../extension/protocol';
import { el } from '../dom';
import { formatCount, formatPercent, formatThree, plural } from '../format';
import { noteOf } from '../insight';
import { divergenceTable, firstDivergences } from '../insightTables';
import { isOnlyFocus, labelsOf, mounted, type Pane, type ThemeSource } from '../panes';
import type { Store } from '../store';

/** The corpus's words at a node that the card names. */
const CORPUS_WORDS = 8;

export function nodePane(store: Store, container: HTMLElement): Pane {
  const show = mounted<NodeCardData>(container, (body, data) =>
    drawNodeCard(body, data, { onPickToken: (token) => store.pin({ token }) }),
  );
  let shown = '';
  return {
    update(changes) {
      const { layer, tree, node } = store.pinned;
      const place = [layer, tree, node].join();
      if (isOnlyFocus(changes) && place === shown) {
        return;
      }
      shown = place;
      if (node === null || store.view?.layer(layer) == null) {
        show('Click a node, in the tree or in the path, to see what it looks for and what it adds.');
        return;
      }
      const answer = store.insight.node(layer, tree, node);
      show(
        answer.kind === 'ready'
          ? { card: answer.value, labels: labelsOf(store), corpus: corpusAt(store, answer.value) }
          : noteOf(answer),
      );
    },
  };
}

/** What the mapped corpus has to say about a node; null without a map. */
export function corpusAt(store: Store, { layer, tree, node }: NodeCard): NodeCardData['corpus'] {
  const map = usageOf(store);
  const usage = map?.layers[layer]?.[tree];
  if (map === null || usage === undefined) {
    return null;
  }
  const [from, to] = [usage.tokenOffsets[node] ?? 0, usage.tokenOffsets[node + 1] ?? 0];
  const places = to > from && map.contextsPerToken > 0 ? store.insight.usageContexts(layer, tree, node) : null;
  const words = Array.from({ length: Math.min(CORPUS_WORDS, to - from) }, (_, at) => ({
    text: map.words[usage.tokenWords[from + at] ?? -1]?.text ?? '',
    count: usage.tokenCounts[from + at] ?? 0,
    places: places?.kind === 'ready' ? places.value.filter(({ entry }) => entry === at) : [],
  }));
  return { visits: usage.visits[node] ?? 0, tokens: map.tokens, words };
}

/** The usage map, once it is here; asking for it fetches it. */
export function usageOf(store: Store): UsageMap | null {
  const answer = store.state.usage === null ? null : store.insight.usage();
  return answer?.kind === 'ready' ? answer.value : null;
}

export function lensPane(store: Store, container: HTMLElement): Pane {
  const show = mounted<LensData>(container, (body, data) =>
    drawLens(body, data, { onPickLayer: (layer) => store.pin({ layer }) }),
  );
  let shown = '';
  return {
    update(changes) {
      const { token, layer } = store.pinned;
      if (isOnlyFocus(changes) && `${token}/${layer}` === shown) {
        return;
      }
      shown = `${token}/${layer}`;
      const answer = store.insight.lens(token);
      show(answer.kind === 'ready' ? { lens: answer.value, layer } : noteOf(answer));
    },
  };
}

export function usagePane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const about = container.appendChild(el('p', { class: 'sentence', 'data-testid': 'usage-about' }));
  const show = mounted<LayerBarsData>(container, (body, data) =>
    drawLayerBars(body, data, { theme, onPick: (at) => store.pin(at) }),
  );
  return {
    update() {
      const { usage: note, trace } = store.state;
      const feedforward = trace?.model.feedforward;
      about.hidden = note === null;
      if (note === null || feedforward?.kind !== 'fff') {
        show('No corpus is mapped yet. Map a selection, a file or a folder to see which nodes your texts use.');
        return;
      }
      about.textContent = `${note.label}: ${plural(note.tokens, 'token')} of ${plural(note.documents, 'document')}.`;
      const answer = store.insight.usage();
      if (answer.kind !== 'ready' || answer.value === null) {
        show(answer.kind === 'ready' ? 'The map is gone; make it again.' : noteOf(answer));
        return;
      }
      show(usageBars(answer.value, feedforward.depth, store.sight));
    },
  };
}

function usageBars(map: UsageMap, depth: number, sight: { layer: number; tree: number }): LayerBarsData {
  const leaves = 2 ** depth;
  return {
    label: 'Use of each tree by the corpus',
    name: 'usage-bars',
    measures: ['entropy of leaves', 'Gini', 'leaves reached'],
    rows: map.layers.flatMap((trees, layer) =>
      trees.map((usage, tree) => ({
        layer,
        tree,
        title: trees.length > 1 ? `L${layer} · ${tree}` : `Layer ${layer}`,
        bars: [
          {
            share: depth === 0 ? 0 : usage.entropyBits / depth,
            text: `${formatThree(usage.entropyBits)} of ${depth} bits`,
          },
          { share: usage.gini, text: formatThree(usage.gini) },
          {
            share: usage.leavesReached / leaves,
            text: `${formatCount(usage.leavesReached)} of ${formatCount(leaves)} (${formatPercent(usage.leavesReached / leaves)})`,
          },
        ],
      })),
    ),
    layer: sight.layer,
    tree: sight.tree,
  };
}

export function comparePane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const about = container.appendChild(el('p', { class: 'sentence', 'data-testid': 'compare-about' }));
  const show = mounted<LayerBarsData>(container, (body, data) =>
    drawLayerBars(body, data, { theme, onPick: ({ layer }) => store.pin({ layer }) }),
  );
  return {
    update() {
      const { compared } = store.state;
      about.hidden = compared === null;
      if (compared === null) {
        show('Nothing is compared yet. Inspect another text, or the same one after an edit, and compare the two.');
        return;
      }
      about.textContent = comparisonSentence(store);
      about.dataset['pairs'] = String(compared.comparison.pairs.length / 2);
      show({
        label: 'Agreement of the paths, per layer',
        name: 'compare-bars',
        measures: ['overlap of the paths', 'same path to the leaf'],
        rows: compared.comparison.layers.map((layer, index) => ({
          layer: index,
          tree: 0,
          title: `Layer ${index}`,
          bars:
            layer === null
              ? [null, null]
              : [layer.overlap, layer.samePaths].map((share) => ({ share, text: formatPercent(share) })),
        })),
        layer: store.sight.layer,
        tree: 0,
      });
    },
  };
}

/** Which tokens belong together, and where the focused one's path parts from its counterpart's first. */
function comparisonSentence(store: Store): string {
  const { compared, trace } = store.state;
  if (compared === null) {
    return '';
  }
  const { pairs, onlyFirst, onlySecond } = compared.comparison;
  const others =
    onlyFirst.length + onlySecond.length === 0
      ? ''
      : `, ${plural(onlyFirst.length, 'token')} only there, ${onlySecond.length} only here`;
  const { name } = compared.trace.model;
  const model = name === trace?.model.name ? '' : ` in the model ${name}`;
  const about = `Against ${compared.source?.label ?? 'the other trace'}${model}: ${plural(pairs.length / 2, 'token')} in both${others}.`;
  const divergences = firstDivergences(compared.comparison);
  const at = divergences.find(({ second }) => second === store.sight.token);
  const place =
    at === undefined
      ? 'The focused token has no counterpart.'
      : at.layer === null
        ? 'The focused token takes the same paths in both.'
        : `The focused token’s paths part first in layer ${at.layer}, at level ${at.level}.`;
  return `${about} ${place}`;
}

/** The list of pairs is its own picture. */
export function divergencePane(store: Store, container: HTMLElement): Pane {
  const pick = (row: number): void => {
    const { compared } = store.state;
    const divergence = compared === null ? undefined : firstDivergences(compared.comparison)[row];
    if (divergence !== undefined) {
      store.pin({ token: divergence.second, ...(divergence.layer === null ? {} : { layer: divergence.layer }) });
    }
  };
  const show = mounted<TableData>(container, (body, data) => drawTable(body, data, { onPick: pick }));
  return {
    update(changes) {
      const { compared, trace } = store.state;
      if (!isOnlyFocus(changes)) {
        show(compared === null || trace === null ? 'Nothing is compared yet.' : divergenceTable(compared, trace));
      }
    },
  };
}
