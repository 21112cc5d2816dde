/**
 * The navigator: tokens across, layers down, one cell each coloured by sub-tree, with a tick at the leaf's place in the
 * tree. All layers at once; the crosshair is the focus. Canvas for the cells, SVG for focus and labels.
 */
import { Disposer, el, observeWidth, svg } from '../dom';
import { visibleText } from '../format';
import type { LayerView } from '../routing';
import type { Chart, ChartOptions } from './chart';
import { canvasPainter, rememberPicture, type Painter } from './painter';

export interface NavigatorData {
  layers: readonly (LayerView | null)[];
  labels: readonly string[];
  tree: number;
  colourLevel: number;
  token: number;
  layer: number;
  /** Cells whose path interventions changed. */
  changed?: readonly { token: number; layer: number }[];
}

export interface NavigatorOptions extends ChartOptions {
  onHover(at: { token: number; layer: number } | null): void;
  onPick(at: { token: number; layer: number }): void;
}

const GUTTER = 34;
const ROW = 18;
/** Cells from this width carry their token's text. */
const LABELLED = 13;
/** Room for the last slanted label. */
const OVERHANG = 24;
const SMALLEST_CELL = 5;
/** Browsers refuse wider canvases at some point; beyond it cells get thinner instead. */
const WIDEST_CANVAS = 12_000;

export function draw(container: HTMLElement, initial: NavigatorData, options: NavigatorOptions): Chart<NavigatorData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  let painted = '';
  let scrolledTo = -1;
  let scrollLeft = 0;
  let paintedLayers: readonly unknown[] | null = null;
  const canvas = el('canvas', { 'aria-hidden': 'true' });
  const overlay = svg('svg', { class: 'overlay', role: 'img' });
  const plot = el('div', { class: 'plot' }, canvas, overlay);
  const gutter = svg('svg', { class: 'gutter', 'aria-hidden': 'true', width: GUTTER });
  const scroller = el('div', { class: 'scroller' }, plot);
  const root = el('div', { class: 'navigator', 'data-testid': 'navigator' }, gutter, scroller);
  container.append(root);
  disposer.add(() => root.remove());
  const painter = (options.painter ?? canvasPainter)(canvas);
  rememberPicture(canvas, (other) => paintCells(other));

  /** Width of a cell: they fill the width, but stay wide enough to be told apart; long traces scroll. */
  const cell = (): number => {
    const count = Math.max(1, data.labels.length);
    return Math.min(
      40,
      Math.max((width - GUTTER - overhang()) / count, Math.min(SMALLEST_CELL, WIDEST_CANVAS / count)),
    );
  };
  const overhang = (): number => ((width - GUTTER) / Math.max(1, data.labels.length) >= LABELLED + 1 ? OVERHANG : 0);
  const plotWidth = (): number => Math.ceil(cell() * data.labels.length);
  const labelHeight = (): number => (cell() >= LABELLED ? 58 : 0);
  const height = (): number => ROW * data.layers.length + labelHeight() + 2;

  function paint(): void {
    const theme = options.theme();
    const key = [width, data.tree, data.colourLevel, theme.background, theme.foreground].join();
    if (key !== painted || paintedLayers !== data.layers) {
      painted = key;
      paintedLayers = data.layers;
      paintCells(painter);
      for (const layer of [overlay, gutter]) {
        layer.setAttribute('height', String(height()));
      }
      // The last labels lean out over the cells.
      const whole = plotWidth() + overhang();
      overlay.setAttribute('width', String(whole));
      plot.style.height = `${height()}px`;
      plot.style.width = `${whole}px`;
    }
    paintFocus();
  }

  function paintCells(painter: Painter): void {
    const theme = options.theme();
    const size = cell();
    painter.begin(plotWidth(), height());
    const ticks: number[] = [];
    for (const [layer, view] of data.layers.entries()) {
      const top = labelHeight() + layer * ROW;
      if (view === null) {
        painter.rect(0, top, size * data.labels.length, ROW - 2, theme.empty);
        continue;
      }
      for (let token = 0; token < view.tokens; token++) {
        const { index, count } = view.subTree(token, data.tree, data.colourLevel);
        const x = token * size;
        painter.rect(x, top, Math.max(1, size - (size > 5 ? 1 : 0)), ROW - 2, theme.subTree(index, count));
        if (size >= 8) {
          const place = (view.leaf(token, data.tree) + 0.5) / 2 ** view.depth;
          const tick = x + 1.5 + place * (size - 4);
          ticks.push(tick, top + 3, tick, top + ROW - 5);
        }
      }
    }
    painter.segments(ticks, theme.background, 2);
  }

  function paintFocus(): void {
    const size = cell();
    const { token, layer, labels, layers } = data;
    const top = labelHeight();
    root.dataset['token'] = String(token);
    root.dataset['layer'] = String(layer);
    overlay.setAttribute(
      'aria-label',
      `Sub-trees of ${labels.length} tokens in ${layers.length} layers; focus on token ${token}, layer ${layer}`,
    );
    gutter.replaceChildren(
      ...layers.map((_, i) =>
        svg(
          'text',
          {
            class: i === layer ? 'name focused' : 'name',
            x: GUTTER - 8,
            y: top + i * ROW + (ROW - 2) / 2,
            dy: '0.35em',
            'text-anchor': 'end',
          },
          String(i),
        ),
      ),
    );
    const parts: SVGElement[] = [];
    if (labelHeight() > 0) {
      for (const [i, label] of labels.entries()) {
        const shown = visibleText(label);
        const x = (i + 0.5) * size;
        parts.push(
          svg(
            'text',
            {
              class: i === token ? 'token focused' : 'token',
              transform: `translate(${(x + 3).toFixed(1)},${top - 5}) rotate(-60)`,
            },
            shown.length > 9 ? `${shown.slice(0, 8)}…` : shown,
          ),
        );
      }
    }
    const x = token * size;
    const changed = data.changed ?? [];
    root.dataset['changed'] = String(changed.length);
    if (changed.length > 0) {
      const d = changed.map((cell) => {
        const [left, y] = [cell.token * size, top + cell.layer * ROW];
        return `M${left.toFixed(1)},${y}h${Math.max(3, Math.min(8, size)).toFixed(1)}l-${Math.max(3, Math.min(8, size)).toFixed(1)},8z`;
      });
      parts.push(svg('path', { class: 'changed', d: d.join(''), 'data-testid': 'changed-cells' }));
    }
    parts.push(
      svg('rect', { class: 'cross', x: x - 0.5, y: top - 1, width: Math.max(2, size), height: ROW * layers.length }),
      svg('rect', { class: 'focus', x: x - 1, y: top + layer * ROW - 1, width: Math.max(3, size + 1), height: ROW }),
    );
    overlay.replaceChildren(...parts);
    // The focused column of a long trace stays in sight. Where it is scrolled to is remembered: asking costs a layout.
    const visible = width - GUTTER;
    if (token !== scrolledTo && plotWidth() > visible) {
      scrolledTo = token;
      if (x < scrollLeft || x + size > scrollLeft + visible) {
        scroller.scrollLeft = x - visible / 2;
        scrollLeft = scroller.scrollLeft;
      }
    }
  }

  const at = (event: MouseEvent): { token: number; layer: number } | null => {
    const bounds = overlay.getBoundingClientRect();
    const token = Math.floor((event.clientX - bounds.left) / cell());
    const layer = Math.floor((event.clientY - bounds.top - labelHeight()) / ROW);
    const inside = token >= 0 && token < data.labels.length && layer >= 0 && layer < data.layers.length;
    return inside ? { token, layer } : null;
  };
  disposer.listen(scroller, 'scroll', () => {
    scrollLeft = scroller.scrollLeft;
  });
  disposer.listen(overlay, 'pointermove', (event) => options.onHover(at(event)));
  disposer.listen(overlay, 'pointerleave', () => options.onHover(null));
  disposer.listen(overlay, 'click', (event) => {
    const target = at(event);
    if (target !== null) {
      options.onPick(target);
    }
  });
  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 640, (next) => {
      width = next;
      paint();
    }),
  );

  return {
    update(next) {
      data = next;
      paint();
    },
    dispose: () => disposer.dispose(),
  };
}
