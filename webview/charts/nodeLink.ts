/**
 * The node-link form of the tree map: the same tree around its root, zoomable and pannable in both directions, with the
 * focused token's path stroked. Canvas for the mass, SVG for focus.
 */
import { zoomIdentity } from 'd3-zoom';
import { firstOfLevel, levelOf, pathToLeaf } from '../../extension/tree';
import { Disposer, el, observeWidth, svg } from '../dom';
import { plural, visibleText } from '../format';
import { countsOf, heatSentence, type Heat } from '../heat';
import type { LayerView } from '../routing';
import { nearestVisited } from './layout/icicle';
import { levelRadius, nodeNear, nodePoint, type Point } from './layout/radial';
import {
  besideNode,
  isLabelled,
  LABELLED_RADIUS,
  linkCurve,
  paintNodeLink,
  place,
  type RadialScene,
} from './nodeLinkScene';
import { tips } from './nodeLinkTips';
import { canvasPainter, rememberPicture } from './painter';
import type { TreeChart, TreeData, TreeOptions } from './treeMap';
import { BADGE, DASHES, interventionBadge, NO_MARKS } from './treeMarks';
import { pointAtNodes, treeZoom } from './treeZoom';

const MARGIN = 14;
const MOST_ZOOM = 60;

export function draw(container: HTMLElement, initial: TreeData, options: TreeOptions): TreeChart {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  let painted = '';
  let paintedView: LayerView | null = null;
  let paintedHeat: Heat | null | undefined;
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const overlay = svg('svg', { class: 'overlay', role: 'img' });
  const plot = el('div', { class: 'plot' }, canvas, overlay);
  const readout = el('p', { class: 'readout', 'data-testid': 'tree-readout' });
  const root = el('div', { class: 'node-link', 'data-testid': 'node-link' }, plot, readout);
  container.append(root);
  disposer.add(() => root.remove());
  const painter = (options.painter ?? canvasPainter)(canvas);
  rememberPicture(canvas, (other) => paintNodeLink(other, { ...scene(), moving: false }, options.theme()));

  const height = (): number => Math.min(width, Math.max(260, options.height * 1.6));
  const scene = (): RadialScene => {
    const radius = (Math.min(width, height()) / 2 - MARGIN) * zoom.transform.k;
    const centre = { x: zoom.transform.applyX(width / 2), y: zoom.transform.applyY(height() / 2) };
    const { view, tree, colourLevel, heat } = data;
    return {
      view,
      tree,
      colourLevel,
      heat: heat ?? null,
      width,
      height: height(),
      centre,
      radius,
      moving: zoom.moving,
    };
  };

  const zoom = treeZoom(overlay, disposer, paint);

  function paint(): void {
    const theme = options.theme();
    const current = scene();
    const key = [
      data.tree,
      data.colourLevel,
      width,
      zoom.transform.k,
      zoom.transform.x,
      zoom.transform.y,
      zoom.moving,
      theme.background + theme.foreground,
    ].join();
    if (key !== painted || paintedView !== data.view || paintedHeat !== data.heat) {
      painted = key;
      paintedView = data.view;
      paintedHeat = data.heat;
      paintNodeLink(painter, current, theme);
    }
    paintFocus(current);
  }

  function paintFocus(current: RadialScene): void {
    const { view, tree, token, labels } = data;
    const path = token === null ? [] : view.path(token, tree);
    const at = path.map((node) => place(current, node));
    const curveOf = (nodes: readonly number[]): string =>
      nodes
        .slice(1)
        .map((node) => {
          const [x, y, ...rest] = linkCurve(current, node).map((value) => value.toFixed(1));
          return `M${x},${y}C${rest.join(' ')}`;
        })
        .join('');
    const { others: selected, changedLeaf, interventions } = data.marks ?? NO_MARKS;
    const changed = changedLeaf === null ? [] : pathToLeaf(changedLeaf, view.depth);
    const beside = selected.filter((other) => other !== token && other < view.tokens);
    root.dataset['changedPath'] = changed.join(',');
    root.dataset['selected'] = beside.join(',');
    root.dataset['traffic'] = data.heat?.kind ?? 'trace';
    const curve = curveOf(path);
    const others = beside.map((other) => view.path(other, tree));
    overlay.replaceChildren(
      ...others.flatMap((nodes, index) => [
        svg('path', { class: 'path-halo thin', d: curveOf(nodes) }),
        svg('path', {
          class: 'path-other',
          d: curveOf(nodes),
          'stroke-dasharray': DASHES[index % DASHES.length] ?? '',
          'data-testid': 'other-path',
        }),
      ]),
      // Stops of their own, so that no line runs through the numbers of its nodes.
      svg(
        'g',
        { class: 'other-stops' },
        ...[...new Set(others.flat())]
          .filter((node) => !path.includes(node) && isLabelled(current, levelOf(node)))
          .map((node) => stop(current, node, place(current, node))),
      ),
      svg('path', { class: 'path-changed', d: curveOf(changed), 'data-testid': 'changed-path' }),
      svg(
        'g',
        { class: 'changed-stops' },
        ...changed.filter((node) => !path.includes(node)).map((node) => stop(current, node, place(current, node))),
      ),
      svg('path', { class: 'path-halo', d: curve }),
      svg('path', { class: 'path-line', d: curve }),
      ...at.map((point, level) => stop(current, path[level] ?? 0, point)),
    );
    for (const [node, name] of [
      [data.hovered, 'hovered'],
      [data.pinned, 'pinned'],
    ] as const) {
      if (node !== null) {
        const { x, y } = place(current, node);
        overlay.append(svg('circle', { class: name, cx: x.toFixed(1), cy: y.toFixed(1), r: LABELLED_RADIUS }));
      }
    }
    for (const { node, kind } of interventions) {
      const { x, y } = besideNode(current, node, LABELLED_RADIUS + BADGE + 3);
      overlay.append(interventionBadge(x, y, node, kind));
    }
    const named = token === null ? beside : [token, ...beside];
    const end = (one: number) => ({
      leaf: firstOfLevel(view.depth) + view.leaf(one, tree),
      label: visibleText(labels[one] ?? ''),
    });
    const texts = tips(current, named.map(end));
    texts.forEach((text, index) => text.classList.toggle('other', token === null || index > 0));
    overlay.append(...texts);
    root.dataset['path'] = path.join(',');
    root.dataset['zoom'] = zoom.transform.k.toFixed(3);
    const reach = `${plural(view.tokens, 'token')} over ${view.distinctNodes(tree)} of ${plural(2 ** view.levels - 1, 'node')}`;
    overlay.setAttribute('aria-label', `Tree of layer ${view.layer} as nodes and links: ${reach}`);
    const looked = data.hovered ?? data.pinned;
    readout.textContent =
      looked === null
        ? reach
        : [`Node ${looked}`, heatSentence(data, looked), visits(looked)].filter((part) => part !== '').join(' · ');
  }

  /** A stop of the path: the node's number where nodes carry theirs, a dot elsewhere. */
  function stop(current: RadialScene, node: number, { x, y }: Point): SVGElement {
    const level = levelOf(node);
    const [cx, cy] = [x.toFixed(1), y.toFixed(1)];
    return isLabelled(current, level)
      ? svg(
          'g',
          { class: 'station', 'data-node': node },
          svg('circle', { cx, cy, r: LABELLED_RADIUS }),
          svg('text', { x: cx, y: cy, dy: '0.34em', 'text-anchor': 'middle' }, String(node)),
        )
      : svg('circle', { class: 'path-dot', 'data-node': node, cx, cy, r: level === current.view.depth ? 4.5 : 2.6 });
  }

  const visits = (node: number): string =>
    `${data.view.visitors(node, data.tree).length} of ${plural(data.view.tokens, 'token')}`;

  const nodeOf = (event: MouseEvent): number | null => {
    const bounds = overlay.getBoundingClientRect();
    const { centre, radius, view } = scene();
    const x = (event.clientX - bounds.left - centre.x) / radius;
    const y = (event.clientY - bounds.top - centre.y) / radius;
    const node = nodeNear({ x, y }, view.depth);
    return node === null ? null : nearestVisited(countsOf(data), node, reach(node, radius, view.depth));
  };
  /** Neighbours within 5 px of a node on its ring. */
  const reach = (node: number, radius: number, depth: number): number => {
    const level = levelOf(node);
    return Math.floor((5 * 2 ** level) / (2 * Math.PI * Math.max(1, levelRadius(level, depth) * radius)));
  };
  pointAtNodes(overlay, disposer, nodeOf, () => data.hovered, options);

  function resize(): void {
    overlay.setAttribute('width', String(width));
    overlay.setAttribute('height', String(height()));
    plot.style.height = `${height()}px`;
    zoom.resize(width, height(), MOST_ZOOM);
  }

  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 640, (next) => {
      width = next;
      resize();
      zoom.jumpTo(zoomIdentity);
      paint();
    }),
  );

  return {
    update(next) {
      data = next;
      paint();
    },
    zoomBy: (factor) => zoom.zoomBy(factor),
    reset: () => zoom.glideTo(zoomIdentity),
    frame(node) {
      const unit = nodePoint(node, data.view.depth);
      const radius = Math.min(width, height()) / 2 - MARGIN;
      const k = Math.min(MOST_ZOOM, Math.max(2, 2 ** (31 - Math.clz32(node + 1)) / 24));
      const [x, y] = [width / 2 + unit.x * radius, height() / 2 + unit.y * radius];
      const framed = zoomIdentity
        .translate(width / 2, height() / 2)
        .scale(k)
        .translate(-x, -y);
      zoom.glideTo(framed);
    },
    dispose: () => disposer.dispose(),
  };
}
