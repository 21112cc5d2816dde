/** Collects comparisons and says what came out of them. */
import type { Comparison, ToleranceOf } from './compare';
import { count, plural, table, type Style } from './format';

/** More failures than this are counted, not listed. */
const LISTED_FAILURES = 20;

interface KindTotal {
  tensors: number;
  values: number;
  largestDifference: number;
  tolerance: number;
  differing: number;
  failed: number;
  integer: boolean;
}

export class VerifyReport {
  private readonly kinds = new Map<string, KindTotal>();
  private readonly failures: string[] = [];
  private compared = 0;

  constructor(private readonly toleranceOf: ToleranceOf) {}

  /** True when something was compared and nothing failed. */
  get passed(): boolean {
    return this.compared > 0 && this.failures.length === 0;
  }

  add(key: string, comparison: Comparison): void {
    this.compared++;
    const total = this.kinds.get(comparison.kind) ?? emptyTotal(comparison.kind);
    this.kinds.set(comparison.kind, total);
    total.tensors++;
    total.values += comparison.values;
    total.differing += comparison.differing;
    // Math.max keeps NaN once it was seen.
    total.largestDifference = Math.max(total.largestDifference, comparison.largestDifference);
    total.tolerance = Math.max(total.tolerance, comparison.tolerance);
    if (comparison.failure !== null) {
      total.failed++;
      this.fail(key, comparison.failure);
    }
  }

  fail(key: string, reason: string): void {
    this.failures.push(`${key}: ${reason}`);
  }

  /** A table with a row a kind, the failures, and a last line that begins with PASS or FAIL. */
  render(model: { info: { name: string }; implementation: string }, cases: number, style: Style): string {
    const rows = [...this.kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, total]) => this.row(kind, total));
    const heading = style.bold(`${model.info.name}, kernel ${model.implementation}: ${plural(cases, 'case')}`);
    const columns = ['tensor kind', 'tensors', 'values', 'largest difference', 'tolerance', 'differing', ''];
    const paths = this.kinds.get('nodes');
    const lines = [
      `${heading}\n`,
      table(
        columns.map((title, i) => ({ title, align: i === 0 || title === '' ? 'left' : 'right' })),
        rows,
        style,
      ),
      paths && paths.values > 0 ? `${count(paths.differing)} of ${plural(paths.values, 'node path')} differ.\n` : '',
      ...this.failures.slice(0, LISTED_FAILURES).map((failure) => `${style.bad('failed')} ${failure}\n`),
    ];
    if (this.failures.length > LISTED_FAILURES) {
      lines.push(`and ${count(this.failures.length - LISTED_FAILURES)} more.\n`);
    }
    const verdict = this.passed ? style.good('PASS') : style.bad('FAIL');
    const reason = this.compared === 0 ? ', so nothing is verified' : '';
    lines.push(
      `${verdict}: ${plural(this.compared, 'tensor')} compared${reason}, ${count(this.failures.length)} failed.\n`,
    );
    return lines.join('');
  }

  /** The tolerance of a kind; where tokens with large values had more, the range. */
  private toleranceText(kind: string, { tolerance }: KindTotal): string {
    const plain = this.toleranceOf(kind);
    return tolerance > plain ? `${plain} to ${tolerance.toPrecision(2)}` : String(plain);
  }

  private row(kind: string, total: KindTotal): string[] {
    return [
      kind,
      count(total.tensors),
      count(total.values),
      total.integer ? '' : total.largestDifference.toExponential(1),
      total.integer ? 'equal' : this.toleranceText(kind, total),
      total.integer || total.differing > 0 ? count(total.differing) : '',
      total.failed > 0 ? 'failed' : 'ok',
    ];
  }
}

function emptyTotal(kind: string): KindTotal {
  const integer = ['nodes', 'input_ids', 'attention_mask', 'mlm_sel_positions'].includes(kind);
  return { tensors: 0, values: 0, largestDifference: 0, tolerance: 0, differing: 0, failed: 0, integer };
}
