/**
 * Loads the native kernel and gives it the shape of `contracts.ts`.
 *
 * The addon is looked for in this order, and only a file that does not exist makes the search go on (a file that exists
 * and cannot be loaded is an error of its own):
 * 1. the file named by the environment variable `FFF_ADDON_PATH`, when set and not empty; nothing else is then tried
 * 2. `fff.node` beside this bundle (bundles live in `dist/`)
 * 3. `dist/fff.node` of the repository, for code that runs unbundled from `extension/runner/`
 *
 * `FFF_FORCE_IMPLEMENTATION` chooses the implementation; the library reads it.
 */
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { FffError } from '../errors';
import type { FffLayer, FffLayerOptions, FffRecord, FffWeights, Kernel } from './contracts';

/** The layer object of the addon (kernels/addon.cc). */
interface NativeLayer {
  readonly bytes: number;
  forward(
    input: Float32Array,
    tokens: number,
    output: Float32Array,
    nodes?: Int32Array,
    logits?: Float32Array,
    activations?: Float32Array,
  ): void;
  /** Undefined once disposed. */
  readonly implementation: string | undefined;
  dispose(): void;
}

interface NativeKernel {
  implementations: Kernel['implementations'];
  choose(): string;
  Layer: new (weights: FffWeights, options?: FffLayerOptions) => NativeLayer;
}

const BUILD_ACTION = 'Build it with `npm run build`.';

/**
 * Loads the addon; cheap to call again (Node caches the module).
 * @throws FffError KERNEL_LOAD_FAILED naming what was tried; KERNEL_UNKNOWN_IMPLEMENTATION when the environment forces
 * an implementation that does not exist or that this CPU cannot run.
 */
export function loadKernel(): Kernel {
  const native = loadAddon();
  const implementation = translated(() => native.choose());
  return {
    implementation,
    implementations: native.implementations,
    createLayer: (weights, options) => new Layer(native, weights, options),
  };
}

/** Places the addon may be, in the documented order. */
function candidates(): string[] {
  const named = process.env.FFF_ADDON_PATH;
  if (named !== undefined && named !== '') {
    return [path.resolve(named)];
  }
  return [path.join(__dirname, 'fff.node'), path.join(__dirname, '..', '..', 'dist', 'fff.node')];
}

function loadAddon(): NativeKernel {
  const requireAddon = createRequire(path.join(__dirname, 'kernel.js'));
  const tried = candidates();
  let missing: unknown;
  for (const file of tried) {
    try {
      return requireAddon(file) as NativeKernel;
    } catch (error) {
      if (codeOf(error) !== 'MODULE_NOT_FOUND') {
        throw new FffError(
          'KERNEL_LOAD_FAILED',
          `The kernel ${file} cannot be loaded: ${messageOf(error)}.`,
          'Build it for this machine with `npm run build`.',
          { cause: error },
        );
      }
      missing = error;
    }
  }
  throw new FffError('KERNEL_LOAD_FAILED', `The kernel was not found at ${tried.join(' or ')}.`, BUILD_ACTION, {
    cause: missing,
  });
}

class Layer implements FffLayer {
  readonly width: number;
  readonly depth: number;
  readonly trees: number;
  readonly bytes: number;
  readonly implementation: string;
  readonly #native: NativeLayer;

  constructor(native: NativeKernel, weights: FffWeights, options: FffLayerOptions | undefined) {
    this.#native = translated(() => new native.Layer(weights, options));
    this.width = weights.width;
    this.depth = weights.depth;
    this.trees = weights.trees;
    this.bytes = this.#native.bytes;
    this.implementation = this.#native.implementation!;
  }

  forward(input: Float32Array, tokens: number): FffRecord {
    const paths = tokens * this.trees * (this.depth + 1);
    const record = translated(() => ({
      output: new Float32Array(tokens * this.width),
      nodes: new Int32Array(paths),
      logits: new Float32Array(paths),
      activations: new Float32Array(paths),
    }));
    translated(() =>
      this.#native.forward(input, tokens, record.output, record.nodes, record.logits, record.activations),
    );
    return record;
  }

  forwardInto(input: Float32Array, tokens: number, output: Float32Array): void {
    // No closure and no optional arguments: for one token of a narrow layer the call costs as much as the work.
    try {
      this.#native.forward(input, tokens, output);
    } catch (error) {
      throw translate(error);
    }
  }

  dispose(): void {
    this.#native.dispose();
  }
}

/** Runs a call into the addon and turns its error codes into ours. */
function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  const message = messageOf(error);
  switch (codeOf(error)) {
    case 'UNKNOWN_IMPLEMENTATION':
    case 'UNSUPPORTED_CPU':
      return new FffError(
        'KERNEL_UNKNOWN_IMPLEMENTATION',
        `The kernel implementation cannot be chosen: ${message}.`,
        'Unset FFF_FORCE_IMPLEMENTATION or name a known one.',
        { cause: error },
      );
    case 'OUT_OF_MEMORY':
      return new FffError('OUT_OF_MEMORY', `The kernel ran out of memory: ${message}.`, 'Use fewer tokens at once.', {
        cause: error,
      });
    case 'BAD_ARGUMENT':
    case 'SIZE_OVERFLOW':
    case 'NOT_REPRESENTABLE':
    case 'DISPOSED':
      return new FffError('KERNEL_REFUSED', `The kernel refused its arguments: ${message}.`, undefined, {
        cause: error,
      });
    default:
      if (error instanceof RangeError) {
        // A typed array of an impossible or unaffordable length: the token count is wrong, or memory is short.
        return new FffError('KERNEL_REFUSED', `The kernel cannot hold its results: ${message}.`, undefined, {
          cause: error,
        });
      }
      return error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
