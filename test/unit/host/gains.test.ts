import { describe, expect, it } from 'vitest';
import { feedforwardShare, ladderOf, passMs, ratiosOf, routedMs } from '../../../extension/gains';
import { passTimingOf, timingOf, traceOf } from './fakes';

const trace = traceOf(1, 'a b');
const timings = [timingOf(0), timingOf(1)];
const passTiming = passTimingOf();

describe('gains', () => {
  it('set the layers against the whole pass and its ceiling', () => {
    const { layers, pass, ceiling } = ratiosOf({ rest: 3000, fff: 20, dense: 400 });
    expect([layers, pass, ceiling]).toEqual([20, 3400 / 3020, 3400 / 3000]);
  });

  it('come with intervals once everything was measured', () => {
    expect(ladderOf({ trace, timings, passTiming })).toEqual({
      layerGain: 20,
      measured: 2,
      routed: 2,
      pass: passTiming,
    });
  });

  it('are those of the layers so far until then', () => {
    const some = [timingOf(0)];
    expect(ladderOf({ trace, timings: some, passTiming: null })).toMatchObject({
      layerGain: 20,
      measured: 1,
      pass: null,
    });
    expect(ladderOf({ trace, timings: some, passTiming })?.pass).toBeNull();
    expect(ladderOf({ trace, timings: [], passTiming })).toBeNull();
  });

  it('are not claimed where an output differs from the twin’s', () => {
    const wrong = { ...timingOf(1), verifiedMaxDifference: NaN };
    expect(ladderOf({ trace, timings: [timingOf(0), wrong], passTiming })).toBeNull();
  });

  it('say nothing of the pass where a number is none', () => {
    const odd = { ...passTiming, ceiling: { ...passTiming.ceiling, high: NaN } };
    expect(ladderOf({ trace, timings, passTiming: odd })).toMatchObject({ layerGain: 20, pass: null });
  });
});

describe('shares of this run', () => {
  it('count the dense layers of a mixed model as the rest', () => {
    expect(passMs(trace)).toBe(4);
    expect(feedforwardShare(trace)).toBe(0.25);
    expect(routedMs(trace)).toBe(1);
    const mixed = { ...trace, layers: [trace.layers[0]!, null], feedforwardMicroseconds: [250, 750] };
    expect(routedMs(mixed)).toBe(0.25);
  });
});
