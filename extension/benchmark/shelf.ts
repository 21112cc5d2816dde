/** The results of the panel: the history, which of them is shown, and with which it is compared. Measures nothing. */
import type { Events } from '../disposable';
import type { BenchmarkEnding, BenchmarkResult, BenchmarkViewEvents, ShownBenchmark } from '../protocol';
import type { BenchmarkSessionServices } from './contracts';
import { entryOf } from './resultFile';

export type ShelfServices = Pick<BenchmarkSessionServices, 'history' | 'pickFile' | 'cpu' | 'newId'>;

export class ResultShelf {
  shown: ShownBenchmark | null = null;
  baseline: ShownBenchmark | null = null;

  constructor(
    private readonly services: ShelfServices,
    private readonly events: Pick<Events<BenchmarkViewEvents>, 'fire'>,
  ) {}

  async show(id: string): Promise<void> {
    this.shown = await this.load(id);
    this.events.fire('shown', this.shown);
    if (this.baseline?.entry.id === id) {
      await this.compare(null);
    }
  }

  async compare(id: string | null): Promise<void> {
    this.baseline = id === null ? null : await this.load(id);
    this.events.fire('baseline', this.baseline);
  }

  /** Nothing is shown, and nothing compared, until the next result comes. */
  clear(): void {
    this.shown = null;
    this.baseline = null;
    this.events.fire('shown', null);
    this.events.fire('baseline', null);
  }

  remove(id: string): void {
    this.services.history.remove(id);
    this.events.fire('history', this.services.history.entries);
    if (this.shown?.entry.id === id) {
      this.shown = null;
      this.events.fire('shown', null);
    }
    if (this.baseline?.entry.id === id) {
      this.baseline = null;
      this.events.fire('baseline', null);
    }
  }

  /** Adds a result file to the history, marked as recorded, and shows it. */
  async openFile(): Promise<void> {
    const picked = await this.services.pickFile();
    if (picked !== null) {
      const id = this.services.newId();
      this.put(id, picked.result, { kind: 'recorded', file: picked.file });
      await this.show(id);
    }
  }

  /** A stored result, or the running one as far as it got. */
  async load(id: string): Promise<ShownBenchmark> {
    if (this.shown?.entry.id === id) {
      return this.shown;
    }
    const result = await this.services.history.read(id);
    return { entry: this.services.history.entry(id)!, result };
  }

  /** Stores what a run has measured; it is shown unless the user is looking at another. */
  keep(id: string, result: BenchmarkResult, ending: BenchmarkEnding): void {
    const entry = this.put(id, result, ending);
    if (this.shown === null || this.shown.entry.id === id) {
      this.shown = { entry, result };
      this.events.fire('shown', this.shown);
    }
  }

  /** A stored result came to another end. */
  amend(id: string, ending: BenchmarkEnding): void {
    const { history } = this.services;
    const known = history.entry(id);
    if (known === undefined) {
      return;
    }
    const entry = { ...known, ending };
    history.amend(entry);
    this.events.fire('history', history.entries);
    if (this.shown?.entry.id === id) {
      this.shown = { ...this.shown, entry };
      this.events.fire('shown', this.shown);
    }
  }

  private put(id: string, result: BenchmarkResult, ending: BenchmarkEnding): ShownBenchmark['entry'] {
    const entry = entryOf(id, result, ending, this.services.cpu);
    this.services.history.put(entry, result);
    this.events.fire('history', this.services.history.entries);
    return entry;
  }
}
