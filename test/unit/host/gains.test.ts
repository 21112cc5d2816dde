import { describe, expect, it } from 'vitest';
import { gainsOf, gainsSentence, gainsText } from '../../../extension/gains';
import { timingOf, traceOf } from './fakes';

describe('gains in the status bar', () => {
  // Embedding, attention and head take 3000 µs; the two layers 10 µs each, and 200 µs each as dense ones.
  const trace = traceOf(1, 'a b');
  const timings = [timingOf(0), timingOf(1)];

  it('sets the layers against the whole pass and its ceiling', () => {
    const gains = gainsOf({ trace, timings });
    expect(gains?.layers).toBeCloseTo(20);
    expect(gains?.pass).toBeCloseTo(3400 / 3020);
    expect(gains?.ceiling).toBeCloseTo(3400 / 3000);
    expect(gainsText(gains)).toBe(', layers 20×, model 1.13×');
    expect(gainsSentence(gains)).toBe(
      ' FFF layers 20× as fast as dense ones, the forward pass 1.13× of at most 1.13×.',
    );
  });

  it('counts the dense layers of a mixed model as the rest', () => {
    const mixed = { ...trace, layers: [trace.layers[0]!, null], feedforwardMicroseconds: [250, 750] };
    expect(gainsOf({ trace: mixed, timings: [timingOf(0)] })?.ceiling).toBeCloseTo(3950 / 3750);
  });

  it('says nothing before every layer was measured', () => {
    expect(gainsOf({ trace, timings: [timingOf(0)] })).toBeNull();
    expect(gainsOf({ trace: null, timings: [] })).toBeNull();
    expect(gainsText(null) + gainsSentence(null)).toBe('');
  });

  it('says nothing of times that are none', () => {
    const odd = { ...trace, phases: { ...trace.phases, headMs: NaN } };
    expect(gainsOf({ trace: odd, timings })).toBeNull();
  });
});
