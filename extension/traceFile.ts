/**
 * The `.ffftrace` file: one trace, exactly, as JSON. Numbers keep all their digits (arrays travel as base64 of their
 * little-endian bytes), so that a reopened trace equals the saved one bit for bit. Knows no VS Code.
 *
 * A reader refuses what it does not understand in one sentence; nothing in a file is trusted to fit together.
 */
import { FffError } from './errors';
import type {
  Focus,
  Intervention,
  LayerTiming,
  PassTiming,
  RatioInterval,
  Spread,
  Trace,
  TraceSource,
  WhatIfState,
} from './protocol';
import { checkTrace, isRecord } from './traceCheck';

/**
 * Raised when a reader of the version before would misread a file; a reader knows its own version and no other. What is
 * only added, and may be absent, keeps the version.
 */
export const TRACE_FILE_VERSION = 1;

export interface TraceFile {
  trace: Trace;
  source: TraceSource | null;
  focus: Focus;
  timings: LayerTiming[];
  /** Null where not everything was measured when it was saved. */
  passTiming: PassTiming | null;
  /** Changes under trial when it was saved, and what they changed. */
  whatIf: WhatIfState;
}

/** What to do about a file that is no trace. */
export const OTHER_FILE = 'Open another .ffftrace file.';

const ARRAYS = { Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array };
type ArrayName = keyof typeof ARRAYS;

/** @returns the file's text. */
export function writeTraceFile(content: TraceFile): string {
  return `${JSON.stringify({ format: 'ffftrace', version: TRACE_FILE_VERSION, ...content }, encode)}\n`;
}

/**
 * @param name of the file, for messages.
 * @throws FffError BAD_INPUT in one sentence that names the file and the cause.
 */
export function readTraceFile(text: string, name: string): TraceFile {
  const refuse = (problem: string, cause?: unknown): never => {
    throw new FffError('BAD_INPUT', `${name} cannot be opened: ${problem}.`, OTHER_FILE, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text, decode);
  } catch (thrown) {
    return refuse(thrown instanceof FffError ? thrown.message : 'it is damaged or was not written to its end', thrown);
  }
  if (!isRecord(value) || value['format'] !== 'ffftrace') {
    return refuse('it is no trace of FFF Explorer');
  }
  const { version } = value;
  if (version !== TRACE_FILE_VERSION) {
    return refuse(
      `it has version ${JSON.stringify(version)} of the format and this extension reads version ${TRACE_FILE_VERSION} only`,
    );
  }
  const problem = checkTrace(value['trace']);
  if (problem !== null) {
    return refuse(problem);
  }
  const { trace, source, focus, timings, passTiming, whatIf } = value as unknown as TraceFile;
  if (!isFocus(focus)) {
    return refuse('what it looks at is missing');
  }
  return {
    trace,
    source: isSource(source) ? source : null,
    focus,
    timings: Array.isArray(timings) && timings.every(isLayerTiming) ? timings : [],
    passTiming: isPassTiming(passTiming) ? passTiming : null,
    whatIf: isWhatIf(whatIf) ? whatIf : { interventions: [], result: null },
  };
}

function encode(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $number: String(value) };
  }
  for (const [name, constructor] of Object.entries(ARRAYS)) {
    if (value instanceof constructor) {
      return {
        $array: name,
        length: value.length,
        base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
      };
    }
  }
  return value;
}

function decode(_: string, value: unknown): unknown {
  if (!isRecord(value)) {
    return value;
  }
  if (typeof value['$number'] === 'string') {
    return Number(value['$number']);
  }
  const name = value['$array'];
  if (typeof name !== 'string') {
    return value;
  }
  if (!Object.hasOwn(ARRAYS, name)) {
    throw new FffError('BAD_INPUT', `it holds an array of the unknown type ${name}`);
  }
  const constructor = ARRAYS[name as ArrayName];
  const bytes = Buffer.from(String(value['base64']), 'base64');
  const length = Number(value['length']);
  if (bytes.byteLength !== length * constructor.BYTES_PER_ELEMENT) {
    throw new FffError('BAD_INPUT', 'one of its arrays is shorter or longer than it says');
  }
  // A buffer of its own: Node's small ones share a pool.
  return new constructor(Uint8Array.from(bytes).buffer);
}

function isFocus(value: unknown): value is Focus {
  return isRecord(value) && ['token', 'layer', 'tree'].every((key) => Number.isInteger(value[key]));
}

function isSource(value: unknown): value is TraceSource {
  return (
    isRecord(value) &&
    typeof value['label'] === 'string' &&
    (value['uri'] === null || typeof value['uri'] === 'string') &&
    Number.isInteger(value['offset'])
  );
}

function isPassTiming(value: unknown): value is PassTiming {
  return (
    isRecord(value) &&
    Number.isInteger(value['tokens']) &&
    isSpread(value['restMicroseconds']) &&
    ['layers', 'pass', 'ceiling'].every((key) => isInterval(value[key]))
  );
}

function isLayerTiming(value: unknown): value is LayerTiming {
  return (
    isRecord(value) &&
    ['layer', 'tokens', 'threads'].every((key) => Number.isInteger(value[key])) &&
    isSpread(value['fffMicroseconds']) &&
    isSpread(value['denseMicroseconds']) &&
    isInterval(value['ratio']) &&
    typeof value['verifiedMaxDifference'] === 'number'
  );
}

function isSpread(value: unknown): value is Spread {
  return isRecord(value) && ['median', 'p5', 'p95', 'samples'].every((key) => typeof value[key] === 'number');
}

function isInterval(value: unknown): value is RatioInterval {
  return isRecord(value) && ['median', 'low', 'high'].every((key) => typeof value[key] === 'number');
}

function isWhatIf(value: unknown): value is WhatIfState {
  return isRecord(value) && Array.isArray(value['interventions']) && value['interventions'].every(isIntervention);
}

function isIntervention(value: unknown): value is Intervention {
  return (
    isRecord(value) &&
    ['layer', 'tree', 'node'].every((key) => Number.isInteger(value[key])) &&
    (value['token'] === null || Number.isInteger(value['token'])) &&
    (value['kind'] === 'flip' || value['kind'] === 'silence')
  );
}
