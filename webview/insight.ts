/**
 * What a view asks the host about the shown trace, asked once and kept: norms, lens, node cards, rounding, the usage map.
 * A pane asks for what it shows each time it paints; the first time sends the question, and the answer repaints the pane.
 * At most one question of a kind is under way, so that stepping quickly asks for where it stops, not for every step.
 */
import type {
  LayerNorms,
  LensResult,
  NearBoundary,
  NodeCard,
  Prediction,
  UsageContext,
  UsageMap,
  ViewApi,
  WireError,
} from '../extension/protocol';
import { wireErrorOf } from './host';

/** An answer, or why there is none yet. */
export type Answer<Value> =
  { kind: 'waiting' } | { kind: 'ready'; value: Value } | { kind: 'failed'; error: WireError };

type Ask = <Key extends keyof ViewApi>(
  method: Key,
  parameters: Parameters<ViewApi[Key]>,
) => Promise<Awaited<ReturnType<ViewApi[Key]>>>;

const WAITING: Answer<never> = { kind: 'waiting' };
/** Answers kept; the oldest go first. */
const KEPT = 200;

/** Of a method, or of the key of a question, which begins with its method. */
const isAboutUsage = (key: string): boolean => key.startsWith('usage');

export class Insight {
  private readonly answers = new Map<string, Answer<unknown>>();
  private readonly asking = new Set<string>();
  /** Answers to questions about an earlier trace, or an earlier usage map, are dropped. Both only grow. */
  private traces = 0;
  private maps = 0;

  constructor(
    private readonly ask: Ask,
    private readonly arrived: () => void,
  ) {}

  /** Forgets everything: another trace is shown. */
  forget(): void {
    this.traces++;
    this.answers.clear();
    this.asking.clear();
  }

  /** Forgets the usage map: another one was made. */
  forgetUsage(): void {
    this.maps++;
    for (const kept of [this.answers, this.asking]) {
      [...kept.keys()].filter(isAboutUsage).forEach((key) => kept.delete(key));
    }
  }

  /** Norms of a layer's weights; null while they are not there, or cannot be had. */
  norms(layer: number): LayerNorms | null {
    const answer = this.question('layerNorms', [layer], String(layer));
    return answer.kind === 'ready' ? answer.value : null;
  }

  lens(token: number): Answer<LensResult> {
    return this.question('lens', [token], String(token));
  }

  predictAt(token: number): Answer<Prediction[]> {
    return this.question('predictAt', [token], String(token));
  }

  node(layer: number, tree: number, node: number): Answer<NodeCard> {
    return this.question('describeNode', [{ layer, tree, node }], [layer, tree, node].join());
  }

  boundary(precision: 'fp16' | 'bf16', noise: number): Answer<NearBoundary> {
    return this.question('nearBoundary', [{ precision, noise }], `${precision},${noise}`);
  }

  /** Where the most frequent tokens of a node occur in the mapped texts. */
  usageContexts(layer: number, tree: number, node: number): Answer<UsageContext[]> {
    return this.question('usageContexts', [{ layer, tree, node }], [layer, tree, node].join());
  }

  usage(): Answer<UsageMap | null> {
    return this.question('usage', [], '');
  }

  private question<Key extends keyof ViewApi>(
    method: Key,
    parameters: Parameters<ViewApi[Key]>,
    place: string,
  ): Answer<Awaited<ReturnType<ViewApi[Key]>>> {
    type Value = Awaited<ReturnType<ViewApi[Key]>>;
    const key = `${method}/${place}`;
    const known = this.answers.get(key);
    if (known !== undefined) {
      return known as Answer<Value>;
    }
    if (!this.asking.has(method)) {
      this.asking.add(method);
      const generation = this.generationOf(method);
      const settle = (answer: Answer<Value>): void => {
        if (generation === this.generationOf(method)) {
          this.asking.delete(method);
          this.keep(key, answer);
          this.arrived();
        }
      };
      this.ask(method, parameters).then(
        (value) => settle({ kind: 'ready', value }),
        (thrown: unknown) => settle({ kind: 'failed', error: wireErrorOf(thrown) }),
      );
    }
    return WAITING;
  }

  /** Another number with every trace; for questions about usage with every map too. */
  private generationOf(method: keyof ViewApi): number {
    return this.traces + (isAboutUsage(method) ? this.maps : 0);
  }

  private keep(key: string, answer: Answer<unknown>): void {
    this.answers.set(key, answer);
    const [oldest] = this.answers.keys();
    if (this.answers.size > KEPT && oldest !== undefined) {
      this.answers.delete(oldest);
    }
  }
}

/** What a pane says while it has nothing to draw. */
export function noteOf(answer: Exclude<Answer<unknown>, { kind: 'ready' }>): string {
  return answer.kind === 'waiting'
    ? 'Computing…'
    : [answer.error.message, answer.error.action].filter((part) => part !== undefined).join(' ');
}
