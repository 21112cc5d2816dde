/**
 * Results that were measured or opened in this workspace: a short index, and one file each. What was being measured when
 * the window closed is found here again.
 */
import { FffError } from '../errors';
import { describeThrown, type Log } from '../log';
import type { BenchmarkEntry, BenchmarkResult } from '../protocol';
import { readResult } from './resultFile';

/** Where the history is kept; VS Code's workspace storage, or a map in tests. */
export interface HistoryStorage {
  readIndex(): BenchmarkEntry[];
  writeIndex(entries: BenchmarkEntry[]): PromiseLike<void>;
  read(id: string): PromiseLike<string>;
  write(id: string, text: string): PromiseLike<void>;
  remove(id: string): PromiseLike<void>;
}

/** Older ones go; each may be some megabytes. */
export const KEPT_RESULTS = 50;

/** What can be done about a stored result that is spoilt. */
const REMOVE = 'Remove it from the history.';

export class History {
  /** The newest first. */
  private index: BenchmarkEntry[];
  /** Writes happen one after the other, so that an older state never overwrites a newer one. */
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly storage: HistoryStorage,
    private readonly log: Log,
  ) {
    this.index = storage
      .readIndex()
      .map((entry) =>
        entry.ending.kind === 'running'
          ? { ...entry, ending: { kind: 'interrupted', reason: 'The window was closed while it ran.' } }
          : entry,
      );
  }

  get entries(): BenchmarkEntry[] {
    return this.index;
  }

  entry(id: string): BenchmarkEntry | undefined {
    return this.index.find((entry) => entry.id === id);
  }

  /** @throws FffError BAD_INPUT when it is not there any more or cannot be read. */
  async read(id: string): Promise<BenchmarkResult> {
    await this.writing;
    const entry = this.entry(id);
    if (entry === undefined) {
      throw new FffError('BAD_INPUT', 'This result is not in the history any more.');
    }
    const what = `The stored result "${entry.name}"`;
    let text: string;
    try {
      text = await this.storage.read(id);
    } catch (thrown) {
      throw new FffError('BAD_INPUT', `${what} cannot be read any more.`, REMOVE, { cause: thrown });
    }
    return readResult(text, what, REMOVE);
  }

  /** Adds or replaces. The index changes at once; the disk follows. */
  put(entry: BenchmarkEntry, result: BenchmarkResult): void {
    this.index = [entry, ...this.index.filter(({ id }) => id !== entry.id)];
    const gone = this.index.splice(KEPT_RESULTS);
    const text = JSON.stringify(result);
    this.later(async () => {
      await this.storage.write(entry.id, text);
      for (const { id } of gone) {
        await this.storage.remove(id);
      }
    });
  }

  /** Changes what is said about a result that is stored already. */
  amend(entry: BenchmarkEntry): void {
    this.index = this.index.map((known) => (known.id === entry.id ? entry : known));
    this.later(() => Promise.resolve());
  }

  remove(id: string): void {
    this.index = this.index.filter((entry) => entry.id !== id);
    this.later(async () => this.storage.remove(id));
  }

  /** Resolves when everything is on disk. */
  async settled(): Promise<void> {
    await this.writing;
  }

  private later(write: () => Promise<void>): void {
    const { index } = this;
    this.writing = this.writing.then(async () => {
      try {
        await write();
        await this.storage.writeIndex(index);
      } catch (thrown) {
        this.log.warn(`The history of benchmarks could not be written. ${describeThrown(thrown)}`);
      }
    });
  }
}
