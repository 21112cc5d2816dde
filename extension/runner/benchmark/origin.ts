/** Whether figures of an earlier result may stand beside, or be mixed with, what this program measures on this machine. */
import type { Environment } from './environment';

/**
 * `same`: samples of both may share a row. `program`: another version of what measured, so that whole cells stand for
 * themselves. `subject`: another processor or other weights, of which nothing may stand in one result.
 */
export type Difference = 'same' | 'program' | 'subject';

/** Old files lack what they did not know; that is the same as its being unknown. */
export function differenceOf(earlier: Environment, now: Environment): Difference {
  const isSame = (name: keyof Environment): boolean => (earlier[name] ?? null) === (now[name] ?? null);
  if (!isSame('cpu') || !isSame('modelHash')) {
    return 'subject';
  }
  const program = ['version', 'commit', 'onnxruntimeVersion', 'kernelImplementation'] as const;
  return program.every(isSame) ? 'same' : 'program';
}

const BEGINNING = 'Some figures are from an earlier run, measured by ';

/** What measured the figures that are taken over from an earlier result, if not this program; those it had taken over included. */
export function originRemarks(earlier: Environment, now: Environment): string[] {
  const known = earlier.remarks.filter((remark) => remark.startsWith(BEGINNING));
  if (differenceOf(earlier, now) === 'same') {
    return known;
  }
  const { version, commit, onnxruntimeVersion, kernelImplementation, cpu } = earlier;
  const program = `version ${version ?? 'unknown'}, commit ${commit ?? 'unknown'}`;
  const parts = `onnxruntime ${onnxruntimeVersion ?? 'unknown'}, kernel ${kernelImplementation ?? 'unknown'}`;
  return [...known, `${BEGINNING}${program}, ${parts}, on ${cpu}.`];
}
