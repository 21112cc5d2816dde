/**
 * The benchmark part of the runner's API: one run at a time, held and ended from outside. The engine is in `benchmark/`
 * and is loaded when it is first needed, so that a missing native library is an answer and not a crash.
 *
 * Time that a run is held is no time for the engine: its clock stands still, so that a pause uses up no budget. A round
 * that somebody else disturbed is made to look like one in which the machine slept, and the engine throws it away.
 */
import * as path from 'node:path';
import { FffError } from '../errors';
import type { BenchmarkPlan, BenchmarkResult, BenchmarkRunnerApi } from '../protocol';
import type { Handlers } from '../rpc';
import type { Clock } from './benchmark/schedule';
import type { BenchmarkServices } from './benchmark/run';
import type { BenchmarkResult as EngineResult } from './benchmark/result';
import type { Plan } from './benchmark/plan';
import type { Emit } from './runnerService';

/** More than what the engine takes for a sleeping machine. */
const DISTURBANCE_MS = 3_600_000;
const PROGRESS_EVERY_MS = 100;

/** Holds and ends a run, and is the engine's clock meanwhile. */
export class RunControl implements Clock {
  private readonly ender = new AbortController();
  private release: (() => void) | null = null;
  private held: Promise<void> = Promise.resolve();
  private heldMs = 0;
  private skewMs = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  get signal(): AbortSignal {
    return this.ender.signal;
  }

  monotonicMs(): number {
    return this.now() - this.heldMs;
  }

  wallMs(): number {
    return Date.now() - this.heldMs + this.skewMs;
  }

  pause(disturbed: boolean): void {
    if (disturbed) {
      this.skewMs += DISTURBANCE_MS;
    }
    if (this.release === null) {
      this.held = new Promise((resolve) => (this.release = resolve));
    }
  }

  go(): void {
    this.release?.();
    this.release = null;
  }

  end(): void {
    this.ender.abort();
    this.go();
  }

  /** Awaited between rounds. Gives waiting messages a turn too: a round of our own kernel alone would leave them none. */
  readonly whilePaused = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    const since = this.now();
    while (this.release !== null) {
      await this.held;
    }
    this.heldMs += this.now() - since;
  };
}

/** @param services what a run needs; tests hand in others. */
export function benchmarkHandlers(
  emit: Emit,
  services: () => Promise<BenchmarkServices> = realServices,
): Handlers<BenchmarkRunnerApi> {
  let current: { id: string; control: RunControl } | null = null;
  return {
    async benchmarkCatalogue() {
      const [{ PRESETS, presetPlan }, { ENGINES }] = await Promise.all([
        import('./benchmark/presets'),
        import('./benchmark/engineSpec'),
      ]);
      return {
        presets: PRESETS.map((preset) => ({
          ...preset,
          plan: preset.name === 'selection' ? null : presetPlan(preset.name),
        })),
        engines: Object.entries(ENGINES).map(([name, engine]) => ({ name, ...engine })),
      };
    },

    async benchmarkPreset(name, source) {
      const { PRESETS, presetPlan } = await import('./benchmark/presets');
      const preset = PRESETS.find((known) => known.name === name);
      if (preset === undefined) {
        throw new FffError('BAD_INPUT', `There is no preset "${name}".`, 'Choose another plan.');
      }
      return presetPlan(preset.name, source);
    },

    async checkBenchmarkPlan(json) {
      const { readPlan } = await import('./benchmark/plan');
      let value: unknown;
      try {
        value = JSON.parse(json);
      } catch (thrown) {
        const cause = thrown instanceof Error ? thrown.message : String(thrown);
        throw new FffError('BAD_INPUT', `The plan is not JSON: ${cause}.`, 'Correct the plan.');
      }
      return readPlan(value, 'The plan');
    },

    async runBenchmark({ id, plan, resume }, { signal }) {
      if (current !== null) {
        throw new FffError('BAD_INPUT', 'A benchmark is running already.', 'Wait for its end, or cancel it.');
      }
      const control = new RunControl();
      current = { id, control };
      const abandon = (): void => control.end();
      signal.addEventListener('abort', abandon, { once: true });
      let toldMs = -Infinity;
      let told = '';
      try {
        const { runPlan } = await import('./benchmark/run');
        return await runPlan(
          plan as Plan,
          { ...(await services()), clock: control },
          {
            signal: control.signal,
            whilePaused: control.whilePaused,
            resume: (resume ?? undefined) as EngineResult | undefined,
            onProgress: (progress) => {
              // The engine speaks after every step; nobody reads faster than this.
              if (progress.what !== told || performance.now() - toldMs >= PROGRESS_EVERY_MS) {
                [told, toldMs] = [progress.what, performance.now()];
                emit('benchmarkProgress', { id, progress });
              }
            },
            onRows: (rows, final) => {
              if (!final) {
                emit('benchmarkRows', { id, rows: [...rows] });
              }
            },
            onResult: (result) => emit('benchmarkResult', { id, result }),
          },
        );
      } finally {
        signal.removeEventListener('abort', abandon);
        current = null;
      }
    },

    controlBenchmark({ id, action, disturbed }) {
      // The run may have ended while the message was under way.
      const control = current?.id === id ? current.control : null;
      switch (action) {
        case 'pause':
          control?.pause(disturbed);
          break;
        case 'go':
          control?.go();
          break;
        case 'end':
          control?.end();
      }
      return Promise.resolve();
    },
  };
}

/** The engine's own types are the protocol's, with more in them; this fails to compile where they part. */
export const sameShape = {
  result: (result: EngineResult): BenchmarkResult => result,
  plan: (plan: Plan): BenchmarkPlan => plan,
};

async function realServices(): Promise<BenchmarkServices> {
  const { benchmarkServices } = await import('./benchmark/services');
  return benchmarkServices(path.dirname(process.argv[1] ?? '.'));
}
