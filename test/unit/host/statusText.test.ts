import { describe, expect, it } from 'vitest';
import { resultText, resultTooltip } from '../../../extension/statusText';
import { passTimingOf, timingOf, traceOf } from './fakes';

const trace = traceOf(7, 'a b');
const unmeasured = { trace, timings: [], passTiming: null };
const measured = { trace, timings: [timingOf(0), timingOf(1)], passTiming: passTimingOf() };
const latency = { runId: 7, tokens: 3, traceMs: 31.2, pictureMs: 46.4 };

describe('the status bar', () => {
  it('names what the person waited for, which is not the time of the FFF', () => {
    expect(resultText(unmeasured, null)).toBe('5 ms to trace');
    expect(resultText(unmeasured, latency)).toBe('46 ms to picture');
  });

  it('says what the layers gain only with what that is worth to the model', () => {
    expect(resultText(measured, latency)).toBe('46 ms to picture, FFF layers ≈20.0×, model ≈1.13×');
    expect(resultText({ ...measured, passTiming: null }, latency)).toBe('46 ms to picture');
  });

  it('tells every part, and the intervals, on hover', () => {
    expect(resultTooltip(measured, latency).split('\n')).toEqual([
      'FFF Explorer, run 7: 3 tokens through 2 layers of small.',
      'Selection to picture: 46.4 ms, of which selection to trace 31.2 ms and drawing 15.2 ms.',
      'Inside the trace, measured once: tokenizing 1.0 ms, embedding 1.0 ms, attention and norms 1.0 ms, FFF 1.0 ms, head 1.0 ms.',
      'FFF layers 20.0× [19.8, 20.2] as fast as dense ones; the forward pass 1.13× [1.11, 1.14], of at most 1.13× [1.12, 1.14]. Medians of repeated runs with 95 % intervals.',
      'Click to open the trace.',
    ]);
    const [, waited, ...rest] = resultTooltip(unmeasured, null).split('\n');
    expect(waited).toBe('Text to trace: 5.0 ms.');
    expect(rest).toHaveLength(2);
  });
});
