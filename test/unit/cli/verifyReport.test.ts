import { describe, expect, it } from 'vitest';
import { styleFor } from '../../../extension/cli/format';
import { VerifyReport } from '../../../extension/cli/verifyReport';

const WIDENED = 'Tolerances grow in proportion';

/** What is printed of one tensor. */
function reportOf(kind: string, largestDifference: number, failure: string | null): string {
  const report = new VerifyReport(() => 1e-4);
  report.add(`case.${kind}`, { kind, values: 2, largestDifference, differing: 0, failure });
  return report.render({ info: { name: 'a model' }, implementation: 'scalar' }, 1, styleFor(false));
}

describe('the report of verify', () => {
  it('says why a difference above the tolerance passes', () => {
    expect(reportOf('hidden', 2e-4, null)).toContain(WIDENED);
  });

  it('says so of nothing else', () => {
    expect(reportOf('hidden', 9e-5, null)).not.toContain(WIDENED);
    expect(reportOf('hidden', 2e-4, 'differs')).not.toContain(WIDENED);
    expect(reportOf('nodes', 0, null)).not.toContain(WIDENED);
  });
});
