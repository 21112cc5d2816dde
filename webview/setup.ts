/** How a view is set up; kept by VS Code while the view is hidden. What comes back is not trusted to be well formed. */

export const TRAFFIC = ['trace', 'corpus', 'difference'] as const;
export const PRECISIONS = ['fp32', 'fp16', 'bf16'] as const;
/** Disturbances of the hidden states that can be asked about, relative to their norm. */
export const NOISES = [0, 0.001, 0.01, 0.05] as const;

export interface Setup {
  form: 'map' | 'nodeLink';
  /** Level whose sub-trees give the colours. */
  colourLevel: number;
  /** Figures shown as tables. */
  tables: readonly string[];
  /** Sections that are open. */
  open: readonly string[];
  /** What the neurons' bars show. */
  neurons: 'activation' | 'contribution';
  /** Whose visits the tree shows. */
  traffic: (typeof TRAFFIC)[number];
  /** Weights the closest decisions are tried with. */
  precision: (typeof PRECISIONS)[number];
  noise: number;
  /** Usage map and comparison that were put on the tree when they arrived, so that this happens once. */
  shownUsage: string;
  shownComparison: string;
  /** The same for a word's contexts. */
  shownContexts: string;
  /** Whom an intervention concerns. */
  scope: 'token' | 'all';
}

export function readSetup(saved: Record<string, unknown>): Setup {
  const { colourLevel, noise } = saved;
  const key = (value: unknown): string => (typeof value === 'string' ? value : '');
  const names = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : [];
  const oneOf = <Choice extends string>(value: unknown, choices: readonly [Choice, ...Choice[]]): Choice =>
    choices.find((choice) => choice === value) ?? choices[0];
  return {
    form: oneOf(saved['form'], ['map', 'nodeLink']),
    colourLevel: typeof colourLevel === 'number' && colourLevel >= 1 && colourLevel <= 5 ? colourLevel : 3,
    tables: names(saved['tables']),
    open: saved['open'] === undefined ? ['node'] : names(saved['open']),
    neurons: oneOf(saved['neurons'], ['activation', 'contribution']),
    traffic: oneOf(saved['traffic'], TRAFFIC),
    precision: oneOf(saved['precision'], PRECISIONS),
    noise: NOISES.find((choice) => choice === noise) ?? 0,
    shownUsage: key(saved['shownUsage']),
    shownComparison: key(saved['shownComparison']),
    shownContexts: key(saved['shownContexts']),
    scope: oneOf(saved['scope'], ['token', 'all']),
  };
}
