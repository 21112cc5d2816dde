/**
 * Native dense layers in a program of their own (`kernels/bench`, built on development machines, never shipped).
 *
 * The program reads requests from standard input and answers on standard output, one at a time. A request is a line of
 * words, where noted followed by raw little-endian float32 values; an answer is a line that begins with `ok` or with
 * `error` and one sentence.
 *
 *     libraries                                   ok own=avx512 openblas=0.3.21 onednn=2.6.3 ...
 *     open <library> <threads> <width>            ok
 *     layer <neurons> <bias 0|1>  + first [I,H], firstBias [I], second [H,I], secondBias [H] if 1    ok
 *     tokens <count>  + [count, H]                ok
 *     compute <first> <batch> <layer>             ok <values>  + [batch, H]
 *     burst <batch> <calls>                       ok <microseconds>
 *
 * `burst` moves on through the tokens and takes the layers in turns, as `PreparedEngine.burst` says.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { FffError } from '../../../errors';
import type { DenseWeights } from '../distributions';
import type { EngineIdentity, PreparedEngine, Workload } from './engine';
import type { NativeBaselines, NativeLibraries } from './native';

/** Libraries worth comparing with, whether or not a machine has them. */
const KNOWN: Readonly<Record<string, string>> = {
  own: 'plain rows',
  openblas: 'OpenBLAS',
  onednn: 'oneDNN',
  mkl: 'MKL',
};

const PROGRAM = process.platform === 'win32' ? 'fff_dense.exe' : 'fff_dense';

/** The built program, looked for from the given directory upwards, or what the environment names. */
export function findNativeBaselines(programDirectory: string): NativeBaselines {
  const named = process.env['FFF_NATIVE_BASELINES'];
  const places =
    named !== undefined && named !== ''
      ? [named]
      : ['..', '../..', '../../..'].map((up) =>
          path.join(programDirectory, up, 'build', 'kernels-bench', 'bench', PROGRAM),
        );
  const program = places.find((place) => existsSync(place));
  return new ProgramBaselines(program === undefined ? null : { file: program, args: [] });
}

export class ProgramBaselines implements NativeBaselines {
  private versions: Promise<ReadonlyMap<string, string>> | null = null;

  /** @param program Null when it is not built. */
  constructor(private readonly program: { file: string; args: readonly string[] } | null) {}

  async libraries(): Promise<NativeLibraries> {
    const { program } = this;
    if (program === null) {
      const reason = 'the native baselines are not built on this machine (kernels/README.md tells how)';
      return { found: [], absent: Object.keys(KNOWN).map((name) => ({ name, reason })) };
    }
    try {
      const versions = await this.found(program);
      const absent = Object.keys(KNOWN).filter((name) => !versions.has(name));
      return {
        found: [...versions.keys()],
        absent: absent.map((name) => ({ name, reason: `${KNOWN[name]} is not installed on this machine` })),
      };
    } catch (thrown) {
      const reason = `the native baselines do not start: ${(thrown as Error).message}`;
      return { found: [], absent: Object.keys(KNOWN).map((name) => ({ name, reason })) };
    }
  }

  async prepare(
    library: string,
    layers: readonly DenseWeights[],
    workload: Workload,
    threads: number,
  ): Promise<PreparedEngine> {
    if (this.program === null) {
      throw new FffError('INTERNAL', 'The native baselines are not built on this machine.');
    }
    const version = (await this.found(this.program)).get(library) ?? '';
    const identity: EngineIdentity = {
      implementation: `${KNOWN[library] ?? library} ${version}`.trim(),
      precision: 'fp32',
      threads,
    };
    const channel = new Channel(this.program, threads);
    try {
      await channel.ask(`open ${library} ${threads} ${workload.width}`);
      for (const { neurons, first, firstBias, second, secondBias } of layers) {
        const arrays = [first, firstBias, second, ...(secondBias === null ? [] : [secondBias])];
        await channel.ask(`layer ${neurons} ${secondBias === null ? 0 : 1}`, arrays);
      }
      await channel.ask(`tokens ${workload.tokens}`, [workload.pool]);
    } catch (thrown) {
      channel.end();
      throw thrown;
    }
    return new ProgramEngine(identity, channel);
  }

  private found(program: { file: string; args: readonly string[] }): Promise<ReadonlyMap<string, string>> {
    this.versions ??= (async () => {
      const channel = new Channel(program, 1);
      try {
        const words = (await channel.ask('libraries')).words;
        return new Map(words.map((word) => [word.split('=')[0]!, word.split('=')[1] ?? '']));
      } finally {
        channel.end();
      }
    })();
    return this.versions;
  }
}

class ProgramEngine implements PreparedEngine {
  constructor(
    readonly identity: EngineIdentity,
    private readonly channel: Channel,
  ) {}

  async compute(first: number, batch: number, layer: number): Promise<Float32Array> {
    return (await this.channel.ask(`compute ${first} ${batch} ${layer}`, [], true)).values;
  }

  async burst(batch: number, calls: number): Promise<number> {
    return Number((await this.channel.ask(`burst ${batch} ${calls}`)).words[0]);
  }

  dispose(): Promise<void> {
    this.channel.end();
    return Promise.resolve();
  }
}

interface Answer {
  /** The words after `ok`. */
  words: string[];
  values: Float32Array;
}

/** One running program: a request, then its answer. */
class Channel {
  private readonly child: ChildProcessWithoutNullStreams;
  /** Received and not yet read; joined only when a whole answer is there, which may be tens of megabytes. */
  private pieces: Buffer[] = [];
  private size = 0;
  private wake: (() => void) | null = null;
  private ended: string | null = null;

  constructor({ file, args }: { file: string; args: readonly string[] }, threads: number) {
    // Libraries on OpenMP read this when they start, and take every core without it.
    this.child = spawn(file, args, { stdio: 'pipe', env: { ...process.env, OMP_NUM_THREADS: String(threads) } });
    this.child.stdout.on('data', (piece: Buffer) => {
      this.pieces.push(piece);
      this.size += piece.length;
      this.wake?.();
    });
    const stop = (why: string): void => {
      this.ended ??= why;
      this.wake?.();
    };
    this.child.on('error', (error) => stop(error.message));
    this.child.on('close', (code, signal) => stop(`it ended with ${signal ?? `code ${code}`}`));
    // A write to a program that has ended is answered by the end itself.
    this.child.stdin.on('error', () => undefined);
    this.child.stderr.resume();
  }

  /** @throws FffError INTERNAL with the program's own sentence, or why it ended. */
  async ask(line: string, arrays: readonly Float32Array[] = [], valuesFollow = false): Promise<Answer> {
    this.child.stdin.write(`${line}\n`);
    for (const array of arrays) {
      this.child.stdin.write(Buffer.from(array.buffer, array.byteOffset, array.byteLength));
    }
    const [status, ...words] = (await this.readLine()).split(' ');
    if (status !== 'ok') {
      throw new FffError('INTERNAL', `The native program refused "${line}": ${words.join(' ')}.`);
    }
    const bytes = valuesFollow ? await this.read(4 * Number(words[0])) : Buffer.alloc(0);
    // A slice of a pool of buffers lies at any offset; floats need one of four.
    return { words, values: new Float32Array(Uint8Array.from(bytes).buffer) };
  }

  end(): void {
    this.child.stdin.end();
    this.child.kill();
  }

  private async readLine(): Promise<string> {
    while (!this.pieces.some((piece) => piece.includes(10))) {
      await this.more();
    }
    const end = Buffer.concat(this.pieces).indexOf(10);
    return (await this.read(end + 1)).toString('utf8', 0, end);
  }

  private async read(length: number): Promise<Buffer> {
    while (this.size < length) {
      await this.more();
    }
    const all = Buffer.concat(this.pieces);
    this.pieces = [all.subarray(length)];
    this.size -= length;
    return all.subarray(0, length);
  }

  private more(): Promise<void> {
    if (this.ended !== null) {
      throw new FffError('INTERNAL', `The native program is gone: ${this.ended}.`);
    }
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
    });
  }
}
