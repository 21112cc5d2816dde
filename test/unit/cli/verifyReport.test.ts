import { describe, expect, it } from 'vitest';
import { styleFor } from '../../../extension/cli/format';
import { VerifyReport } from '../../../extension/cli/verifyReport';

/** What is printed of one tensor that had this tolerance. */
function reportOf(kind: string, tolerance: number): string {
  const report = new VerifyReport(() => 1e-4);
  report.add(`case.${kind}`, { kind, values: 2, largestDifference: 2e-4, tolerance, differing: 0, failure: null });
  return report.render({ info: { name: 'a model' }, implementation: 'scalar' }, 1, styleFor(false));
}

describe('the report of verify', () => {
  it('says how far a tolerance grew', () => {
    expect(reportOf('hidden', 3.125e-4)).toContain(' 0.0001 to 0.00031 ');
  });

  it('says so of no other', () => {
    expect(reportOf('hidden', 1e-4)).toContain(' 0.0001 ');
    expect(reportOf('hidden', 1e-4)).not.toContain(' to ');
    expect(reportOf('nodes', 0)).toContain(' equal ');
  });
});
