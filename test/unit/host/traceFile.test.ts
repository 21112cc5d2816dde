import { describe, expect, it } from 'vitest';
import { RecordedTrace } from '../../../extension/recordedTrace';
import { TRACE_FILE_VERSION, readTraceFile, writeTraceFile, type TraceFile } from '../../../extension/traceFile';
import { MODEL, passTimingOf, timingOf, traceOf, whatIfOf } from './fakes';

const FLIP = { layer: 1, tree: 0, node: 2, token: null, kind: 'flip' } as const;

function sample(): TraceFile {
  const trace = traceOf(3, 'one two „ü“ 👍');
  trace.layers[0]!.logits.set([NaN, -0, Infinity, 1e-42, 0.1]);
  trace.layers[1] = null;
  trace.predictions = [{ index: 1, top: [{ id: 7, text: 'three', probability: 0.1 + 0.2 }] }];
  trace.phases.totalMs = NaN;
  return {
    trace,
    source: { label: 'a.ts:1', uri: 'file:///a.ts', offset: 12 },
    focus: { token: 1, layer: 0, tree: 0, node: 5 },
    timings: [timingOf(0)],
    passTiming: passTimingOf(),
    whatIf: { interventions: [FLIP], result: whatIfOf({ runId: 3, interventions: [FLIP], positions: [], top: 1 }) },
  };
}

/** The file's JSON with one thing changed. */
function changed(change: (file: Record<string, never> & { trace: Record<string, unknown> }) => void): string {
  const file = JSON.parse(writeTraceFile(sample())) as Parameters<typeof change>[0];
  change(file);
  return JSON.stringify(file);
}

const problemOf = (text: string): string => {
  try {
    readTraceFile(text, 'a.ffftrace');
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return 'none';
};

describe('.ffftrace', () => {
  it('gives back exactly what was saved', () => {
    const read = readTraceFile(writeTraceFile(sample()), 'a.ffftrace');
    expect(read).toEqual(sample());
    const [routing] = read.trace.layers;
    expect(routing?.leaves).toBeInstanceOf(Uint16Array);
    expect(Object.is(routing?.logits[1], -0)).toBe(true);
    expect(new Uint8Array(routing!.logits.buffer)).toEqual(new Uint8Array(sample().trace.layers[0]!.logits.buffer));
    expect(writeTraceFile(read)).toBe(writeTraceFile(sample()));
  });

  it('says its format and version first', () => {
    expect(writeTraceFile(sample())).toMatch(/^\{"format":"ffftrace","version":1,/);
  });

  it('refuses every truncation in one sentence', () => {
    const text = writeTraceFile(sample());
    for (let length = 0; length < text.length - 1; length += 97) {
      expect(problemOf(text.slice(0, length))).toBe(
        'a.ffftrace cannot be opened: it is damaged or was not written to its end.',
      );
    }
  });

  it.each([
    [
      'another format',
      changed((file) => Object.assign(file, { format: 'fffbench' })),
      'it is no trace of FFF Explorer',
    ],
    ['a list', '[1]', 'it is no trace of FFF Explorer'],
    [
      'a later version',
      changed((file) => Object.assign(file, { version: TRACE_FILE_VERSION + 1 })),
      'it has version 2 of the format and this extension reads version 1 only',
    ],
    ['no trace', changed((file) => Object.assign(file, { trace: null })), 'it holds no trace'],
    [
      'fewer tokens than paths',
      changed(({ trace }) => (trace['tokens'] as unknown[]).pop()),
      'the paths of layer 0 do not fit its tokens and trees',
    ],
    [
      'another tree',
      changed(({ trace }) =>
        Object.assign(trace['model'] as object, { feedforward: { ...MODEL.feedforward, depth: 3 } }),
      ),
      'its text or its model is missing',
    ],
    [
      'a leaf that does not exist',
      (() => {
        const file = sample();
        file.trace.layers[0]!.leaves[0] = 4;
        return writeTraceFile(file);
      })(),
      'the paths of layer 0 do not fit its tokens and trees',
    ],
    [
      'an array cut short',
      changed(({ trace }) => {
        const { leaves } = (trace['layers'] as { leaves: { base64: string } }[])[0]!;
        leaves.base64 = leaves.base64.slice(4);
      }),
      'one of its arrays is shorter or longer than it says',
    ],
    [
      'an array of no known type',
      writeTraceFile(sample()).replace('Uint16Array', 'constructor'),
      'it holds an array of the unknown type constructor',
    ],
    [
      'a count that is none',
      changed(({ trace }) => Object.assign(trace, { leftOutCharacters: -1 })),
      'its number of characters without a token is damaged',
    ],
    [
      'a prediction for no token',
      changed(({ trace }) => Object.assign(trace, { predictions: [{ index: 99, top: [] }] })),
      'its predictions are damaged',
    ],
  ])('refuses %s', (_, text, cause) => {
    expect(problemOf(text)).toBe(`a.ffftrace cannot be opened: ${cause}.`);
  });

  it('opens without what is beside the trace', () => {
    const read = readTraceFile(
      changed((file) =>
        Object.assign(file, {
          source: 4,
          timings: null,
          passTiming: { layers: { median: 'x' } },
          whatIf: { interventions: [{ node: 'x' }] },
        }),
      ),
      'a',
    );
    expect(read).toMatchObject({
      source: null,
      timings: [],
      passTiming: null,
      whatIf: { interventions: [], result: null },
    });
  });

  it.each([
    ['no tokens', { tokens: undefined }],
    ['half a token', { tokens: 1.5 }],
    ['an empty rest', { restMicroseconds: {} }],
    ['a rest without its samples', { restMicroseconds: { median: 1, p5: 1, p95: 1 } }],
    ['an empty ratio', { pass: {} }],
    ['a ratio without a bound', { ceiling: { median: 1, low: 1 } }],
    ['a ratio in words', { layers: { median: '1', low: 1, high: 1 } }],
  ])('opens without the timing of a pass that has %s', (_, damage) => {
    const read = readTraceFile(
      changed((file) => Object.assign(file['passTiming']!, damage)),
      'a',
    );
    expect(read.passTiming).toBeNull();
    expect(read.timings).toEqual(sample().timings);
  });

  it.each([
    ['no layer', { layer: undefined }],
    ['no tokens', { tokens: null }],
    ['an empty FFF', { fffMicroseconds: {} }],
    ['an empty dense layer', { denseMicroseconds: {} }],
    ['an empty ratio', { ratio: {} }],
    ['no difference', { verifiedMaxDifference: 'x' }],
  ])('opens without the timings where one has %s', (_, damage) => {
    const read = readTraceFile(
      changed((file) => Object.assign(file['timings']![0], damage)),
      'a',
    );
    expect(read.timings).toEqual([]);
    expect(read.passTiming).toEqual(sample().passTiming);
  });
});

describe('RecordedTrace', () => {
  it('shows the file, moves its own focus and refuses to run anything', () => {
    const recorded = new RecordedTrace(sample());
    expect(recorded.state).toMatchObject({
      trace: { text: 'one two „ü“ 👍' },
      focus: { token: 1, node: 5 },
      status: { kind: 'idle' },
    });
    const moved: unknown[] = [];
    recorded.on('focus', (change) => moved.push(change));
    recorded.setFocus({ token: 99, layer: 1, tree: 0, node: null }, 'page');
    expect(moved).toEqual([{ focus: { token: 4, layer: 1, tree: 0, node: null }, origin: 'page' }]);
    expect(recorded.insights.state.whatIf.interventions).toEqual([FLIP]);
    expect(() => recorded.insights.lens(0)).toThrow('A trace from a file is only looked at.');
  });
});
