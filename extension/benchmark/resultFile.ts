/**
 * Reading a `.fffbench` file: whatever a disk holds becomes a result that can be drawn, or one sentence that says why it
 * is none. Engines, fields and machines this version does not know are let through; what the pictures need is checked.
 */
import { FffError } from '../errors';
import { isWhole } from '../passes';
import type { BenchmarkEnding, BenchmarkEntry, BenchmarkEnvironment, BenchmarkResult } from '../protocol';

/** Far beyond any plan; what is larger is some other file. */
const MAX_CHARACTERS = 64 * 2 ** 20;

type Fields = Record<string, unknown>;

/** What to do about a file that is no result. */
export const OTHER_FILE = 'Open another .fffbench file.';

/**
 * @param what names the file in errors.
 * @param action what the user can do about a file that is no result.
 * @throws FffError BAD_INPUT naming the file and the cause.
 */
export function readResult(text: string, what: string, action = OTHER_FILE): BenchmarkResult {
  if (text.length > MAX_CHARACTERS) {
    throw new FffError('BAD_INPUT', `${what} is larger than any benchmark result.`, action);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    // The parser's words are for the log.
    throw new FffError('BAD_INPUT', `${what} is damaged or was not written to its end.`, action, { cause: thrown });
  }
  return new Reader(what, action).result(value);
}

class Reader {
  constructor(
    private readonly what: string,
    private readonly action: string,
  ) {}

  result(value: unknown): BenchmarkResult {
    const file = this.fields(value, 'the file');
    if (file['format'] !== 'fffbench') {
      throw this.wrong('"format" is not "fffbench"');
    }
    if (file['version'] !== 1) {
      throw this.wrong(`"version" is ${JSON.stringify(file['version'])}, and this extension reads version 1`);
    }
    const plan = this.fields(file['plan'], '"plan"');
    this.text(plan['name'], '"plan.name"');
    const environment = this.fields(file['environment'], '"environment"');
    this.text(environment['cpu'], '"environment.cpu"');
    this.text(environment['recordedAt'], '"environment.recordedAt"');
    this.fields(environment['caches'], '"environment.caches"');
    this.list(environment['remarks'], '"environment.remarks"');
    const rows = this.list(file['rows'], '"rows"');
    rows.forEach((row, index) => this.row(this.fields(row, `"rows[${index}]"`), `rows[${index}]`));
    this.list(file['samples'], '"samples"').forEach((entry, index) => {
      const samples = this.fields(entry, `"samples[${index}]"`);
      const row = samples['row'];
      if (typeof row !== 'number' || rows[row] === undefined) {
        throw this.wrong(`"samples[${index}].row" is no row of the file`);
      }
      const times = this.list(samples['microsecondsPerToken'], `"samples[${index}].microsecondsPerToken"`);
      // Files of earlier versions, and of other programs, were measured in one pass and do not say so.
      if (samples['passes'] !== undefined) {
        const passes = this.list(samples['passes'], `"samples[${index}].passes"`);
        if (passes.length !== times.length || !passes.every(isCount)) {
          throw this.wrong(`"samples[${index}].passes" must name a pass for each sample`);
        }
      }
    });
    for (const name of ['selfTests', 'excluded', 'unfinished']) {
      this.list(file[name], `"${name}"`).forEach((entry, index) => {
        const place = `${name}[${index}]`;
        const fields = this.fields(entry, `"${place}"`);
        this.fields(fields['cell'], `"${place}.cell"`);
        if (name === 'selfTests') {
          this.interval(fields['ratio'], `${place}.ratio`);
        }
        if (name === 'unfinished') {
          this.passCount(fields['passes'], `${place}.passes`);
        }
      });
    }
    this.list(file['missing'], '"missing"').forEach((entry, index) => this.fields(entry, `"missing[${index}]"`));
    this.list(file['ladder'], '"ladder"').forEach((entry, index) => this.ladder(entry, `ladder[${index}]`));
    return value as BenchmarkResult;
  }

  private row(row: Fields, place: string): void {
    for (const name of ['engine', 'precision', 'implementation', 'distribution', 'weights']) {
      this.text(row[name], `"${place}.${name}"`);
    }
    for (const name of ['batch', 'width', 'nodes', 'levels', 'threads', 'cellThreads', 'bytesTouched', 'pairs']) {
      this.number(row[name], `${place}.${name}`);
    }
    if (row['passes'] !== undefined) {
      this.number(row['passes'], `${place}.passes`);
    }
    this.percentiles(row['microsecondsPerToken'], `${place}.microsecondsPerToken`);
    for (const name of ['ratioToBestDense', 'ratioToBest3072']) {
      if (row[name] !== null) {
        this.interval(row[name], `${place}.${name}`);
      }
    }
  }

  private ladder(value: unknown, place: string): void {
    const ladder = this.fields(value, `"${place}"`);
    const milliseconds = this.fields(ladder['milliseconds'], `"${place}.milliseconds"`);
    for (const rung of ['fff', 'twin', 'dense3072', 'withoutFeedforward']) {
      this.percentiles(milliseconds[rung], `${place}.milliseconds.${rung}`);
    }
    for (const name of ['gainOverTwin', 'ceilingOverTwin', 'gainOver3072', 'ceilingOver3072']) {
      this.interval(ladder[name], `${place}.${name}`);
    }
    this.fields(ladder['feedforwardShare'], `"${place}.feedforwardShare"`);
    this.passCount(ladder['passes'], `${place}.passes`);
  }

  /** Absent where nothing is to be gone on with. */
  private passCount(value: unknown, place: string): void {
    if (value !== undefined) {
      const { complete, of } = this.fields(value, `"${place}"`);
      if (!isCount(complete) || !isCount(of) || complete > of) {
        throw this.wrong(`"${place}" must say how many passes are complete, of how many`);
      }
    }
  }

  private interval(value: unknown, place: string): void {
    const interval = this.fields(value, `"${place}"`);
    for (const name of ['median', 'low', 'high']) {
      this.number(interval[name], `${place}.${name}`);
    }
  }

  private percentiles(value: unknown, place: string): void {
    const spread = this.fields(value, `"${place}"`);
    for (const name of ['median', 'p5', 'p95']) {
      this.number(spread[name], `${place}.${name}`);
    }
  }

  private fields(value: unknown, place: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.wrong(`${place} must be an object`);
    }
    return value as Fields;
  }

  private list(value: unknown, place: string): unknown[] {
    if (!Array.isArray(value)) {
      throw this.wrong(`${place} must be a list`);
    }
    return value;
  }

  private text(value: unknown, place: string): void {
    if (typeof value !== 'string') {
      throw this.wrong(`${place} must be a text`);
    }
  }

  private number(value: unknown, place: string): void {
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw this.wrong(`"${place}" must be a number`);
    }
  }

  private wrong(cause: string): FffError {
    return new FffError('BAD_INPUT', `${this.what} is no benchmark result: ${cause}.`, this.action);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** What did the computing, as people call it. */
export function machineOf({ gpu, cpu }: BenchmarkEnvironment): string {
  return gpu ?? cpu;
}

/** A result's line in the history. @param thisCpu name of this machine's processor. */
export function entryOf(id: string, result: BenchmarkResult, ending: BenchmarkEnding, thisCpu: string): BenchmarkEntry {
  const { environment } = result;
  return {
    id,
    name: result.plan.name,
    recordedAt: environment.recordedAt,
    machine: machineOf(environment),
    thisMachine: environment.gpu === undefined && environment.cpu === thisCpu,
    ending,
    rows: result.rows.length,
    unfinished: result.unfinished.length + unfinishedLadders(result),
  };
}

/** Lengths of the whole encoder that the plan asks for and that have not all their passes. */
function unfinishedLadders({ plan, ladder }: BenchmarkResult): number {
  const wanted = plan.ladder?.tokens ?? [];
  return wanted.filter((tokens) => !ladder.some((entry) => entry.tokens === tokens && isWhole(entry))).length;
}
