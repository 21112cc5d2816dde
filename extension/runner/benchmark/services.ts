/** The real things a run needs: kernel, onnxruntime, native libraries, model, machine. Tests hand in others. */
import { availableParallelism } from 'node:os';
import type { BenchmarkKernel } from './engines/fffKernel';
import { findNativeBaselines } from './engines/nativeProgram';
import { callOverhead, loadOnnxruntime } from './engines/onnxDense';
import { availableMemory, recordEnvironment } from './environment';
import { FffError } from '../../errors';
import { loadKernel } from '../kernel';
import { ladderBytes, runLadder } from './ladder';
import type { LadderConfig } from './ladder';
import { size } from './memory';
import { openModelSource } from './modelSource';
import { defaultHeads } from './plan';
import type { BenchmarkServices } from './run';

/** @param programDirectory Where this program lies; its version and commit are looked for from there upwards. */
export function benchmarkServices(programDirectory: string): BenchmarkServices {
  let loaded: BenchmarkKernel | null = null;
  const kernel = (): BenchmarkKernel => (loaded ??= loadKernel());
  return {
    kernel,
    native: findNativeBaselines(programDirectory),
    openSource: openModelSource,
    availableMemory,
    environment: async (modelHash) => {
      const found = loadedOrNull(kernel);
      const runtime = await loadOnnxruntime().catch(() => null);
      const environment = await recordEnvironment(
        {
          onnxruntimeVersion: runtime?.env.versions.node ?? null,
          kernelImplementation: found?.implementation ?? null,
          supportedImplementations: (found?.implementations ?? [])
            .filter((one) => one.supported)
            .map(({ name }) => name),
          modelHash,
        },
        programDirectory,
      );
      if (runtime !== null) {
        const overhead = await callOverhead(runtime, 768);
        environment.remarks.push(
          `A call into onnxruntime that computes next to nothing takes ${overhead.toFixed(1)} microseconds here; ` +
            'every onnxruntime figure includes it.',
        );
      }
      return environment;
    },
    ladder: async (plan, cell, tokens, options) => {
      const config: LadderConfig = {
        width: cell.width,
        depth: cell.depth,
        // A source's model may have another width than the plan.
        heads: cell.width % plan.ladder.heads === 0 ? plan.ladder.heads : defaultHeads(cell.width),
        layers: plan.ladder.layers,
        tokens,
        threads: cell.threads === 0 ? availableParallelism() : cell.threads,
        seed: plan.seed,
        limits: plan.limits,
      };
      const needed = ladderBytes(config);
      const available = await (options.roomFor?.(needed) ?? availableMemory());
      if (needed > available) {
        throw new FffError(
          'OUT_OF_MEMORY',
          `Encoders of ${config.layers} layers need about ${size(needed)}, and ${size(available)} are free.`,
          'Choose fewer layers for the ladder.',
        );
      }
      return runLadder(kernel(), config, options);
    },
  };
}

function loadedOrNull(kernel: () => BenchmarkKernel): BenchmarkKernel | null {
  try {
    return kernel();
  } catch {
    // The run names the reason beside every engine that is missing for it.
    return null;
  }
}
