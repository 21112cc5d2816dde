/**
 * Activated neurons: all layers side by side, one bar a visited node of the focused token, on one common scale. Below
 * each layer: how few of its nodes carry most of the activation.
 */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { Disposer, el, observeWidth, setAttributes, setText, svg } from '../dom';
import { formatMargin, formatSigned, formatThree } from '../format';
import { itemsIn } from '../items';
import { contributionSum, stepsOf, type LayerView, type Step } from '../routing';
import type { Chart, ChartOptions } from './chart';

export interface NeuronsData {
  /** All layers of the model; null for a dense one. */
  layers: readonly (LayerView | null)[];
  layer: number;
  tree: number;
  token: number;
  label: string;
  pinned: number | null;
  /** What the bars show; contributions need the norms. */
  measure?: 'activation' | 'contribution';
  /** `[layers]` norms of the output weights, `[trees][nodes]`; null while unknown. */
  outputNorms?: readonly (Float32Array | null)[];
}

export interface NeuronsOptions extends ChartOptions {
  onPick(layer: number, node: number): void;
}

const ROW = 16;
const HEAD = 22;
const FOOT = 46;
const GUTTER = 34;
const SMALLEST_COLUMN = 46;

interface DrawnNeuron {
  group: SVGGElement;
  bar: SVGRectElement;
  node: SVGTextElement;
  number: SVGTextElement;
  title: SVGTitleElement;
}

interface DrawnLayer {
  group: SVGGElement;
  zero: SVGLineElement;
  summary: SVGTextElement;
  balance: SVGTextElement;
  neurons: DrawnNeuron[];
}

/**
 * The fewest nodes that make up 80 % of the layer's summed magnitude, of contributions where they are known and of
 * activations elsewhere; what is no number counts as nothing.
 */
export function carriers(steps: readonly Step[]): number {
  const magnitudes = steps
    .map(({ activation, contribution }) => contribution ?? Math.abs(activation))
    .filter((value) => value < Infinity);
  magnitudes.sort((a, b) => b - a);
  const total = magnitudes.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  for (const [i, value] of magnitudes.entries()) {
    sum += value;
    if (sum >= 0.8 * total) {
      return i + 1;
    }
  }
  return 0;
}

export function draw(container: HTMLElement, initial: NeuronsData, options: NeuronsOptions): Chart<NeuronsData> {
  const disposer = new Disposer();
  let data = initial;
  let width = 0;
  let built = '';
  let layers: DrawnLayer[] = [];
  const image = svg('svg', { role: 'img' });
  const root = el('div', { class: 'neurons', 'data-testid': 'neurons' });
  root.append(image);
  container.append(root);
  disposer.add(() => root.remove());

  function paint(): void {
    const depth = data.layers.find((view) => view !== null)?.depth ?? 0;
    const column = Math.max(SMALLEST_COLUMN, Math.min(260, (width - GUTTER) / Math.max(1, data.layers.length)));
    const all = data.layers.map((view, layer) =>
      view === null ? null : stepsOf(view, data.token, data.tree, data.outputNorms?.[layer]),
    );
    const finite = all
      .flatMap((steps) => steps ?? [])
      .map(valueOf)
      .filter(Number.isFinite);
    const domain = byContribution()
      ? [0, Math.max(1e-6, ...finite)]
      : [Math.min(-0.2, ...finite), Math.max(0.5, ...finite)];
    const scale = scaleLinear(domain, [0, 1]).clamp(true);
    const height = HEAD + ROW * (depth + 1) + FOOT;
    image.setAttribute('width', String(Math.max(width, GUTTER + column * data.layers.length)));
    image.setAttribute('height', String(height));
    image.setAttribute('aria-label', describe(all));
    root.dataset['layers'] = String(data.layers.length);
    root.dataset['measure'] = data.measure ?? 'activation';
    const shape = [depth, width, all.map((steps) => steps !== null).join()].join('/');
    if (shape !== built) {
      built = shape;
      layers = all.map((steps, layer) => buildLayer(layer, steps, column, height));
      image.replaceChildren(paintGutter(depth), ...layers.map(({ group }) => group));
    }
    layers.forEach((drawn, layer) => updateLayer(drawn, layer, all[layer] ?? null, column, scale));
  }

  const byContribution = (): boolean => data.measure === 'contribution';

  /** What the bar of a node shows; NaN where it is not known. */
  function valueOf({ activation, contribution }: Step): number {
    return byContribution() ? (contribution ?? NaN) : activation;
  }

  function paintGutter(depth: number): SVGGElement {
    const group = svg('g', { class: 'gutter' });
    for (let level = 0; level <= depth; level++) {
      const label = level === 0 ? 'root' : level === depth ? 'leaf' : String(level);
      const y = HEAD + ROW * level + ROW / 2;
      group.append(svg('text', { x: GUTTER - 8, y, dy: '0.35em', 'text-anchor': 'end' }, label));
    }
    return group;
  }

  /** Left and right end of a layer's bars, and whether figures fit beside them. */
  function lanes(column: number): { wide: boolean; left: number; right: number } {
    const wide = column >= 128;
    return { wide, left: wide ? 40 : 6, right: column - (wide ? 58 : 10) };
  }

  /** Elements of one layer; what depends on the token is set by `updateLayer`, as stepping must not rebuild them. */
  function buildLayer(layer: number, steps: Step[] | null, column: number, height: number): DrawnLayer {
    const { wide, left } = lanes(column);
    const group = svg('g', {
      'data-layer': layer,
      transform: `translate(${(GUTTER + column * layer).toFixed(1)},0)`,
    });
    const zero = svg('line', { class: 'zero', y1: HEAD, y2: HEAD + ROW * (steps?.length ?? 0) });
    const under = { class: 'soft', x: wide ? left : 4 };
    const summary = svg('text', { ...under, y: HEAD + ROW * (steps?.length ?? 0) + 16 });
    const balance = svg('text', { ...under, y: HEAD + ROW * (steps?.length ?? 0) + 31 });
    group.append(
      svg('rect', { class: 'column', x: 0, y: 0, width: column - 4, height: height - 4, rx: 3 }),
      svg('text', { class: 'name', x: wide ? left : 4, y: 14 }, column >= 64 ? `Layer ${layer}` : `L${layer}`),
    );
    if (steps === null) {
      group.append(svg('text', { class: 'soft', x: left, y: HEAD + ROW / 2, dy: '0.35em' }, 'dense'));
      return { group, zero, summary, balance, neurons: [] };
    }
    const neurons = steps.map(({ level }) => {
      const y = ROW / 2;
      const drawn: DrawnNeuron = {
        group: svg('g', { transform: `translate(0,${HEAD + ROW * level})` }),
        bar: svg('rect', { y: 4, height: ROW - 8 }),
        node: svg('text', { class: 'node', x: left - 8, y, dy: '0.35em', 'text-anchor': 'end' }),
        number: svg('text', { class: 'number', x: column - 12, y, dy: '0.35em', 'text-anchor': 'end' }),
        title: svg('title'),
      };
      drawn.group.append(svg('rect', { class: 'hit', x: 1, y: 0, width: column - 6, height: ROW, rx: 2 }), drawn.bar);
      if (wide) {
        drawn.group.append(drawn.node, drawn.number);
      }
      drawn.group.append(drawn.title);
      return drawn;
    });
    group.append(zero, ...neurons.map((drawn) => drawn.group), summary, balance);
    return { group, zero, summary, balance, neurons };
  }

  function updateLayer(
    { group, zero, summary, balance, neurons }: DrawnLayer,
    layer: number,
    steps: Step[] | null,
    column: number,
    scale: ScaleLinear<number, number>,
  ): void {
    const { left, right } = lanes(column);
    const x = (value: number): number => left + scale(value) * (right - left);
    group.setAttribute('class', layer === data.layer ? 'layer focused' : 'layer');
    group.setAttribute('data-nodes', steps === null ? '' : steps.map(({ node }) => node).join(','));
    if (steps === null) {
      return;
    }
    setAttributes(zero, { x1: x(0).toFixed(1), x2: x(0).toFixed(1) });
    neurons.forEach((drawn, level) => {
      const step = steps[level];
      if (step !== undefined) {
        updateNeuron(drawn, step, layer, x);
      }
    });
    const few = carriers(steps);
    const sentence = `${few} of ${steps.length} carry 80 %`;
    setText(summary, column - left > sentence.length * 6.4 ? sentence : `${few} of ${steps.length}`);
    updateBalance(group, balance, layer, contributionSum(steps), column - left);
  }

  /** Sum of the contributions against the norm of the layer's output. */
  function updateBalance(
    group: SVGGElement,
    balance: SVGTextElement,
    layer: number,
    sum: number | null,
    room: number,
  ): void {
    const output = data.layers[layer]?.outputNorm(data.token) ?? null;
    group.setAttribute('data-sum', sum === null ? '' : String(sum));
    group.setAttribute('data-output', output === null ? '' : String(output));
    if (sum === null) {
      setText(balance, '');
      return;
    }
    const long = `Σ ${formatThree(sum)}${output === null ? '' : `, output ${formatThree(output)}`}`;
    setText(balance, room > long.length * 6.4 ? long : `Σ ${formatThree(sum)}`);
  }

  function updateNeuron(drawn: DrawnNeuron, step: Step, layer: number, x: (value: number) => number): void {
    const { node, activation, contribution } = step;
    const isPinned = layer === data.layer && node === data.pinned;
    const said = formatSigned(activation);
    const value = valueOf(step);
    setAttributes(drawn.group, {
      class: isPinned ? 'neuron pinned' : 'neuron',
      'data-node': node,
      'data-activation': said,
      'data-contribution': contribution === null ? '' : String(contribution),
    });
    // Norms of the weights arrive after the trace: until then there is nothing to show, which is not a broken number.
    const unknown = byContribution() && contribution === null;
    const isNumber = !Number.isNaN(value) || unknown;
    const [zero, end] = [x(0), unknown ? x(0) : isNumber ? x(value) : x(0) + 14];
    setAttributes(drawn.bar, {
      class: isNumber ? `bar ${activation >= 0 ? 'positive' : 'negative'}` : 'nan',
      x: Math.min(zero, end).toFixed(1),
      width: Math.max(1, Math.abs(end - zero)).toFixed(1),
    });
    setText(drawn.node, String(node));
    setText(drawn.number, unknown ? '…' : byContribution() ? formatMargin(value) : formatSigned(activation, true));
    const adds = contribution === null ? '' : `, contribution ${formatMargin(contribution)}`;
    setText(drawn.title, `Layer ${layer}, node ${node}: activation ${said}${adds}`);
  }

  function describe(all: (Step[] | null)[]): string {
    const layers = all.map((steps, layer) =>
      steps === null
        ? `layer ${layer} is dense`
        : `layer ${layer}: nodes ${steps.map(({ node, activation }) => `${node} (${formatSigned(activation, true)})`).join(', ')}`,
    );
    return `Activated neurons of “${data.label}”: ${layers.join('; ')}.`;
  }

  const neuronAt = itemsIn(image, disposer, 'g.neuron', 'layer', 'node');
  disposer.listen(image, 'click', (event) => {
    const at = neuronAt(event);
    if (at !== null) {
      options.onPick(Number(at.layer), Number(at.node));
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
