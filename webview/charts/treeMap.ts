/**
 * The tree map: all nodes of the chosen layer's tree as an icicle, zoomable in width, with the focused token's path
 * stroked over it. Canvas for the mass, SVG for focus, one line of words below. Never moves a node.
 */
import { select } from 'd3-selection';
import { zoomIdentity } from 'd3-zoom';
import { firstOfLevel, levelOf, pathBits, pathToLeaf } from '../../extension/tree';
import { Disposer, el, observeWidth, svg } from '../dom';
import { plural, visibleText } from '../format';
import { heatSentence, type Heat } from '../heat';
import type { LayerView } from '../routing';
import type { Chart, ChartOptions } from './chart';
import { nodeCentre, nodeSpan, rowHeight, toPixel, WHOLE, type Span } from './layout/icicle';
import { canvasPainter, rememberPicture } from './painter';
import { focusMarks } from './treeMapFocus';
import { overview as drawOverview } from './treeMapOverview';
import { paintTreeMap, pickNode, type Scene } from './treeMapScene';
import { NO_MARKS, type TreeMarks } from './treeMarks';
import { pointAtNodes, treeZoom } from './treeZoom';

export interface TreeData {
  view: LayerView;
  tree: number;
  /** Token whose path is stroked; null for none. */
  token: number | null;
  /** Pinned node, and node hovered anywhere. */
  pinned: number | null;
  hovered: number | null;
  /** Token texts as shown. */
  labels: readonly string[];
  colourLevel: number;
  /** Whose visits are shown; the trace's own where there is none. */
  heat?: Heat | null;
  marks?: TreeMarks;
}

export interface TreeOptions extends ChartOptions {
  /** Pixels the tree may be high. */
  height: number;
  /** Without gutter, rug and readout, for narrow places. */
  compact?: boolean;
  onHover(node: number | null): void;
  onPick(node: number): void;
  /** Double click: the user wants something changed at a node. */
  onIntervene?(node: number): void;
}

/** A tree picture that can be moved by keys and buttons as well as by the pointer. */
export interface TreeChart extends Chart<TreeData> {
  zoomBy(factor: number): void;
  reset(): void;
  /** Brings a node into view with some of its surroundings. */
  frame(node: number): void;
}

const GUTTER = 34;

export function draw(container: HTMLElement, initial: TreeData, options: TreeOptions): TreeChart {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  let painted: string | null = null;

  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const overlay = svg('svg', { class: 'overlay', role: 'img' });
  const plot = el('div', { class: 'plot' }, canvas, overlay);
  const gutter = svg('svg', { class: 'gutter', 'aria-hidden': 'true' });
  const minimap = drawOverview();
  const overview = minimap.element;
  const readout = el('p', { class: 'readout', 'data-testid': 'tree-readout' });
  const root = el('div', {
    class: options.compact === true ? 'tree-map compact' : 'tree-map',
    'data-testid': 'tree-map',
  });
  root.append(...(options.compact === true ? [plot] : [gutter, plot, overview, readout]));
  container.append(root);
  disposer.add(() => root.remove());
  const painter = (options.painter ?? canvasPainter)(canvas);
  rememberPicture(canvas, (other) => paintTreeMap(other, { ...scene(), moving: false }, options.theme()));

  const row = (): number => rowHeight(data.view.depth, options.height);
  const rug = (): number => (options.compact === true ? 0 : 36);
  const treeHeight = (): number => row() * data.view.levels;
  const span = (): Span => {
    const from = Math.max(0, -zoom.transform.x / (zoom.transform.k * width));
    return zoom.transform.k <= 1 ? WHOLE : { from, to: Math.min(1, from + 1 / zoom.transform.k) };
  };
  const scene = (): Scene => ({ ...data, span: span(), width, row: row(), rug: rug(), moving: zoom.moving });

  const zoom = treeZoom(overlay, disposer, paint);

  function paint(): void {
    const current = scene();
    const theme = options.theme();
    // The mass depends on neither focus nor hover: stepping through tokens repaints the overlay alone.
    const what = [data.view.layer, data.tree, data.colourLevel, width, row(), theme.background + theme.foreground];
    const key = [...what, theme.kind, zoom.transform.k, zoom.transform.x, zoom.moving].join();
    if (lastView !== data.view || lastHeat !== data.heat) {
      painted = null;
      generation++;
    }
    if (key !== painted) {
      paintTreeMap(painter, current, theme);
      painted = key;
      lastView = data.view;
      lastHeat = data.heat;
      paintGutter();
      minimap.paint(current, theme, current.span, [...what, generation].join());
    }
    paintFocus(current);
  }
  let lastView: LayerView | null = null;
  let lastHeat: Heat | null | undefined;
  let generation = 0;

  function paintGutter(): void {
    gutter.setAttribute('width', String(GUTTER));
    gutter.setAttribute('height', String(treeHeight() + rug()));
    const levels = Array.from({ length: data.view.levels }, (_, level) => level);
    select(gutter)
      .selectAll<SVGTextElement, number>('text')
      .data(levels)
      .join('text')
      .attr('x', GUTTER - 8)
      .attr('y', (level) => level * row() + row() / 2)
      .attr('dy', '0.35em')
      .attr('text-anchor', 'end')
      .text((level) => (level === 0 ? 'root' : level === data.view.depth ? 'leaf' : String(level)));
  }

  function paintFocus(current: Scene): void {
    const { view, tree, token, labels, hovered, pinned } = data;
    const path = token === null ? [] : view.path(token, tree);
    const label = token === null ? null : visibleText(labels[token] ?? '');
    const { others, changedLeaf, interventions } = data.marks ?? NO_MARKS;
    const changed = changedLeaf === null ? [] : pathToLeaf(changedLeaf, view.depth);
    const beside = others.filter((other) => other !== token && other < view.tokens);
    const more = beside.map((other) => ({
      path: view.path(other, tree),
      label: visibleText(labels[other] ?? ''),
    }));
    overlay.replaceChildren(...focusMarks(current, { path, label, hovered, pinned, more, changed, interventions }));
    root.dataset['changedPath'] = changed.join(',');
    root.dataset['selected'] = beside.join(',');
    root.dataset['traffic'] = data.heat?.kind ?? 'trace';
    describe(path);
  }

  function describe(path: number[]): void {
    const { view, tree, token, labels } = data;
    const leaf = token === null ? null : view.leaf(token, tree);
    root.dataset['layer'] = String(view.layer);
    root.dataset['tree'] = String(tree);
    root.dataset['nodes'] = String(2 ** view.levels - 1);
    root.dataset['path'] = path.join(',');
    root.dataset['leaf'] = leaf === null ? '' : String(leaf);
    root.dataset['distinctLeaves'] = String(view.distinctLeaves(tree));
    root.dataset['zoom'] = zoom.transform.k.toFixed(3);
    const focused =
      token === null || leaf === null
        ? ''
        : `“${visibleText(labels[token] ?? '')}” reaches leaf ${leaf}${view.depth > 0 ? ` by ${pathBits(leaf, view.depth)}` : ''}`;
    const reach = `${plural(view.tokens, 'token')} reach ${view.distinctLeaves(tree)} of ${plural(2 ** view.depth, 'leaf').replace('leafs', 'leaves')}`;
    overlay.setAttribute('aria-label', `Tree map of layer ${view.layer}: ${reach}. ${focused}`);
    const looked = data.hovered ?? data.pinned;
    readout.textContent = looked === null ? `${focused}${focused === '' ? '' : ' · '}${reach}` : describeNode(looked);
  }

  function describeNode(node: number): string {
    const { view, tree, labels } = data;
    const visitors = view.visitors(node, tree);
    const names = [...new Set(visitors.map((visitor) => visibleText(labels[visitor] ?? '')))];
    const listed = names.slice(0, 8).join('  ') + (names.length > 8 ? '  …' : '');
    const who =
      visitors.length === 0 ? 'no token passes here' : `${visitors.length} of ${plural(view.tokens, 'token')}`;
    const heat = heatSentence(data, node);
    return [`Node ${node}, level ${levelOf(node)}`, heat, who, listed].filter((part) => part !== '').join(' · ');
  }

  const nodeOf = (event: MouseEvent): number | null => {
    const bounds = overlay.getBoundingClientRect();
    return pickNode(scene(), event.clientX - bounds.left, event.clientY - bounds.top);
  };
  pointAtNodes(overlay, disposer, nodeOf, () => data.hovered, options);

  // The minimap moves the window: press or drag puts its middle there.
  const recentre = (event: PointerEvent): void => {
    if (event.buttons === 1 && zoom.transform.k > 1) {
      const unit = (event.clientX - overview.getBoundingClientRect().left) / width;
      const x = width / 2 - unit * zoom.transform.k * width;
      const within = Math.min(0, Math.max(width - zoom.transform.k * width, x));
      zoom.jumpTo(zoomIdentity.translate(within, 0).scale(zoom.transform.k));
    }
  };
  disposer.listen(overview, 'pointerdown', recentre);
  disposer.listen(overview, 'pointermove', recentre);

  function resize(): void {
    const height = treeHeight() + rug();
    overlay.setAttribute('width', String(width));
    overlay.setAttribute('height', String(height));
    plot.style.height = `${height}px`;
    zoom.resize(width, height, Math.max(1, (2 ** data.view.depth * 120) / width));
  }

  disposer.add(
    observeWidth(plot, options.fallbackWidth ?? 640, (next) => {
      const before = width;
      width = next;
      resize();
      if (before > 0 && zoom.transform.k > 1) {
        zoom.jumpTo(zoomIdentity.translate((zoom.transform.x * next) / before, 0).scale(zoom.transform.k));
      }
      paint();
    }),
  );

  return {
    update(next) {
      const resized = next.view.depth !== data.view.depth;
      data = next;
      if (resized) {
        resize();
        zoom.jumpTo(zoomIdentity);
      }
      paint();
    },
    zoomBy(factor) {
      // Towards what is looked at: the pinned node, else the focused token's leaf, where it is on screen.
      const { view, tree, token, pinned } = data;
      const node = pinned ?? (token === null ? 0 : firstOfLevel(view.depth) + view.leaf(token, tree));
      const x = Math.max(0, Math.min(width, toPixel(nodeCentre(node), span(), width)));
      zoom.zoomBy(factor, [x, 0]);
    },
    reset: () => zoom.glideTo(zoomIdentity),
    frame(node) {
      const { from, to } = nodeSpan(node);
      const k = Math.max(1, Math.min(0.4 / (to - from), zoom.most));
      const x = Math.min(0, Math.max(width - k * width, width / 2 - ((from + to) / 2) * k * width));
      zoom.glideTo(zoomIdentity.translate(x, 0).scale(k));
    },
    dispose: () => disposer.dispose(),
  };
}
