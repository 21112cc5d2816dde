/**
 * The spine: one row a node the focused token visits in one tree. Two rails show the decisions (left rail: came by a left
 * turn), the sibling not taken stays as a ghost; the bar is the logit against zero with the activation inside it, both linear
 * near zero and logarithmic beyond one.
 */
import { scaleSymlog } from 'd3-scale';
import { Disposer, el, observeWidth, setAttributes, svg } from '../dom';
import { formatCount, formatMargin, formatSigned, formatThree } from '../format';
import { itemsIn } from '../items';
import { repaint } from '../repaint';
import { contributionSum, stepsOf, type LayerView, type Step } from '../routing';
import type { Chart, ChartOptions } from './chart';
import { spineColumns, type SpineColumns } from './layout/spineColumns';

export interface SpineData {
  view: LayerView;
  tree: number;
  token: number;
  /** The token's text, for the description. */
  label: string;
  pinned: number | null;
  hovered: number | null;
  /** `[trees][nodes]` norms of the output weights; null while unknown. */
  outputNorms?: Float32Array | null;
  /** Nodes with an intervention. */
  intervened?: readonly number[];
}

export interface SpineOptions extends ChartOptions {
  onHover(node: number | null): void;
  onPick(node: number): void;
  /** Double click. */
  onIntervene?(node: number): void;
}

/** Decisions closer to zero than this are marked: a small change of the input would turn them. */
export const CLOSE_MARGIN = 0.1;

const ROW = 23;
const HEAD = 20;
const FOOT = 22;
/** Length of the largest contribution's bar, px. */
const CONTRIBUTION_LANE = 46;
const RAIL = { root: 17, left: 8, right: 26 };

/** Says which rows there are, together with the layer and its norms. */
function rowsOf({ tree, token, label, intervened }: SpineData): string {
  return [tree, token, label, ...(intervened ?? [])].join();
}

export function draw(container: HTMLElement, initial: SpineData, options: SpineOptions): Chart<SpineData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  let steps: Step[] = [];
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'spine', 'data-testid': 'spine' });
  root.append(image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const { view, tree, token } = data;
    steps = stepsOf(view, token, tree, data.outputNorms);
    const sum = contributionSum(steps);
    const columns = spineColumns(width, view.depth, sum !== null);
    const largest = Math.max(...steps.map(({ contribution }) => contribution ?? 0).filter(Number.isFinite), 1e-12);
    const foot = columns.contribution === null || sum === null ? null : footSentence(sum);
    const limit = view.maxAbsLogit();
    // Linear near 0, where a decision is close, and logarithmic beyond 1: a few tokens have logits a hundred times the
    // usual ones, and on a linear lane all other bars would vanish.
    const lane = scaleSymlog([-limit, limit], [columns.laneFrom, columns.laneTo]).clamp(true);
    image.setAttribute('width', String(width));
    image.setAttribute('height', String(HEAD + ROW * steps.length + (foot === null ? 2 : FOOT)));
    image.setAttribute('aria-label', describe(steps));
    root.dataset['path'] = steps.map(({ node }) => node).join(',');
    root.dataset['leaf'] = String(view.leaf(token, tree));
    root.dataset['token'] = String(token);
    root.dataset['layer'] = String(view.layer);
    root.dataset['contributionSum'] = sum === null ? '' : String(sum);
    root.dataset['outputNorm'] = String(view.outputNorm(token) ?? '');
    const y = HEAD + ROW * steps.length + 14;
    repaint(
      image,
      paintHead(columns, lane(0)),
      svg('line', {
        class: 'zero',
        x1: lane(0),
        x2: lane(0),
        y1: HEAD,
        y2: HEAD + ROW * steps.length,
      }),
      ...links(steps),
      ...(foot === null ? [] : [svg('text', { class: 'foot', x: width - 2, y, 'text-anchor': 'end' }, foot)]),
      ...steps.map((step) =>
        svg(
          'g',
          {
            class: rowClass(step),
            transform: `translate(0,${HEAD + ROW * step.level})`,
            'data-node': step.node,
          },
          ...paintRow(step, columns, lane, largest),
        ),
      ),
    );
  }

  /** What hovering and pinning change. */
  function mark(): void {
    image.querySelectorAll('g.step').forEach((row, level) => {
      const step = steps[level];
      if (step !== undefined) {
        setAttributes(row, { class: rowClass(step) });
      }
    });
  }

  function rowClass(step: Step): string {
    const close = step.bit !== null && !(step.margin >= CLOSE_MARGIN);
    return `step${step.node === data.pinned ? ' pinned' : ''}${step.node === data.hovered ? ' hovered' : ''}${close ? ' close' : ''}`;
  }

  function paintHead(columns: SpineColumns, zero: number): SVGGElement {
    const cell = (x: number, text: string, anchor: string): SVGTextElement =>
      svg('text', { x: x.toFixed(1), y: 11, 'text-anchor': anchor }, text);
    const head = svg('g', { class: 'head' });
    head.append(cell(columns.node, 'node', 'end'), cell(columns.logit, 'logit', 'end'));
    const laneWidth = columns.laneTo - columns.laneFrom;
    if (laneWidth > 90) {
      head.append(cell(zero - 8, '← left', 'end'), cell(zero + 8, 'right →', 'start'));
    } else if (laneWidth > 40) {
      head.append(cell(zero, '← 0 →', 'middle'));
    }
    const optional: [number | null, string][] = [
      [columns.margin, 'margin'],
      [columns.activation, 'activation'],
      [columns.contribution, 'contrib.'],
      [columns.visits, 'visits'],
    ];
    for (const [x, text] of optional) {
      if (x !== null) {
        head.append(cell(x, text, 'end'));
      }
    }
    return head;
  }

  /** Where a node's dot sits: on the rail of the turn that led to it. */
  function railOf(node: number): number {
    return node === 0 ? RAIL.root : node % 2 === 1 ? RAIL.left : RAIL.right;
  }

  function links(steps: Step[]): SVGElement[] {
    const middle = (level: number): number => HEAD + ROW * level + ROW / 2;
    return steps.slice(1).flatMap(({ level, node, sibling }) => {
      const from = { x1: railOf(steps[level - 1]?.node ?? 0), y1: middle(level - 1), y2: middle(level) };
      const ghost = svg('line', { class: 'ghost-link', ...from, x2: railOf(sibling ?? node) });
      return [ghost, svg('line', { class: 'link', ...from, x2: railOf(node) })];
    });
  }

  function paintRow(step: Step, columns: SpineColumns, lane: (value: number) => number, largest: number): SVGElement[] {
    const middle = ROW / 2;
    const zero = lane(0);
    const parts: SVGElement[] = [
      svg('rect', { class: 'hit', x: 0, y: 0, width, height: ROW, rx: 3 }),
      svg('circle', { class: 'dot', cx: railOf(step.node), cy: middle, r: 4 }),
    ];
    if (step.sibling !== null) {
      // A ghost someone else of this trace visits is filled; one nobody visits is hollow.
      const name = step.siblingVisits > 0 ? 'ghost visited' : 'ghost';
      parts.push(svg('circle', { class: name, cx: railOf(step.sibling), cy: middle, r: 2.8 }));
    }
    const text = (x: number, content: string, name: string): void => {
      parts.push(svg('text', { class: name, x, y: middle, dy: '0.35em', 'text-anchor': 'end' }, content));
    };
    text(columns.node, String(step.node), 'node');
    if (Number.isNaN(step.logit)) {
      const notANumber = { class: 'nan', x: zero - 9, y: middle - 5, width: 18, height: 10 };
      parts.push(svg('rect', notANumber));
    } else {
      const sign = step.logit > 0 ? 'positive' : 'negative';
      parts.push(bar(`logit ${sign}`, zero, lane(step.logit), middle, 12));
      parts.push(bar(`activation ${sign}`, zero, lane(step.activation), middle, 4));
    }
    text(columns.logit, formatSigned(step.logit, columns.margin === null), 'number');
    if (columns.margin !== null) {
      text(columns.margin, step.bit === null ? '–' : formatMargin(step.margin), 'number soft');
    }
    if (columns.activation !== null) {
      text(columns.activation, formatSigned(step.activation), 'number soft');
    }
    if (columns.contribution !== null && step.contribution !== null) {
      const { contribution } = step;
      text(columns.contribution, formatMargin(contribution), 'number soft');
      const length = CONTRIBUTION_LANE * Math.min(1, contribution / largest) || 0;
      const lane = { x: columns.contribution - CONTRIBUTION_LANE, y: ROW - 5, height: 2 };
      // Without its lane a small share would read as a comma of the number above.
      parts.push(
        svg('rect', { class: 'contribution-lane', ...lane, width: CONTRIBUTION_LANE }),
        svg('rect', { class: 'contribution', ...lane, width: length.toFixed(1) }),
      );
    }
    if (data.intervened?.includes(step.node) === true) {
      parts.push(svg('circle', { class: 'changed', cx: railOf(step.node), cy: middle, r: 7 }));
    }
    if (columns.visits !== null) {
      text(columns.visits, formatCount(step.visits), 'number soft');
    }
    parts.push(svg('title', {}, describeStep(step)));
    return parts;
  }

  function bar(name: string, zero: number, end: number, middle: number, height: number): SVGRectElement {
    return svg('rect', {
      class: name,
      x: Math.min(zero, end).toFixed(1),
      y: middle - height / 2,
      width: Math.max(0.5, Math.abs(end - zero)).toFixed(1),
      height,
    });
  }

  function describeStep(step: Step): string {
    const turn = step.bit === null ? 'leaf, decides nothing' : step.bit === 1 ? 'goes right' : 'goes left';
    const close = step.bit !== null && !(step.margin >= CLOSE_MARGIN) ? ', a close decision' : '';
    return `Level ${step.level}, node ${step.node}: logit ${formatSigned(step.logit)}, ${turn}${close}; activation ${formatSigned(step.activation)}${step.contribution === null ? '' : `, contribution ${formatMargin(step.contribution)}`}; ${step.visits} of ${data.view.tokens} tokens pass`;
  }

  /** Contributions may cancel: their sum is the most the layer's output could measure. */
  function footSentence(sum: number): string {
    const output = data.view.outputNorm(data.token);
    const trees = data.view.trees > 1 ? ', all trees' : '';
    const norm = output === null ? '' : ` · output of the layer${trees} ${formatThree(output)}`;
    return `sum of contributions ${formatThree(sum)}${norm}`;
  }

  function describe(steps: Step[]): string {
    return `Path of “${data.label}” through layer ${data.view.layer}: ${steps.map(describeStep).join('. ')}.`;
  }

  const stepAt = itemsIn(image, disposer, 'g.step', 'node');
  const nodeOf = (event: Event): number | null => {
    const at = stepAt(event);
    return at === null ? null : Number(at.node);
  };
  disposer.listen(image, 'pointermove', (event) => {
    const node = nodeOf(event);
    if (node !== data.hovered) {
      options.onHover(node);
    }
  });
  disposer.listen(image, 'pointerleave', () => options.onHover(null));
  disposer.listen(image, 'click', (event) => {
    const node = nodeOf(event);
    if (node !== null) {
      options.onPick(node);
    }
  });
  disposer.listen(image, 'dblclick', (event) => {
    const node = nodeOf(event);
    if (node !== null) {
      options.onIntervene?.(node);
    }
  });
  disposer.add(
    observeWidth(root, options.fallbackWidth ?? 420, (next) => {
      width = next;
      paint();
    }),
  );

  return {
    update(next) {
      const before = data;
      data = next;
      if (rowsOf(before) === rowsOf(next) && before.view === next.view && before.outputNorms === next.outputNorms) {
        mark();
      } else {
        paint();
      }
    },
    dispose: () => disposer.dispose(),
  };
}
