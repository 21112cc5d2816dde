/** What a measurement was taken on: without it a figure cannot be compared with another. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';

export interface Environment {
  /** ISO 8601, when the run began. */
  recordedAt: string;
  cpu: string;
  logicalCores: number;
  /** Vector extensions the CPU reports, in its own words. */
  simd: string[];
  /** Bytes of one instance, as the first core sees it; null where the system does not say. */
  caches: { l1d: number | null; l2: number | null; l3: number | null };
  memoryBytes: number;
  availableMemoryBytes: number;
  os: string;
  architecture: string;
  /** Runnable processes averaged over the last minute, when the run began; null where the system does not say. */
  loadAverage: number | null;
  nodeVersion: string;
  onnxruntimeVersion: string | null;
  /** Kernel implementation chosen without force, for instance `avx512`; null when the kernel did not load. */
  kernelImplementation: string | null;
  supportedImplementations: string[];
  /** Hash of the model's weights; null for synthetic weights. */
  modelHash: string | null;
  /** Version of this product, and its commit where the program runs from a repository. */
  version: string | null;
  commit: string | null;
  /** Other things that must be known to read the figures, each in one sentence. */
  remarks: string[];
}

/** What only the caller knows. */
export type EnvironmentParts = Pick<
  Environment,
  'onnxruntimeVersion' | 'kernelImplementation' | 'supportedImplementations' | 'modelHash'
>;

/** Never throws: what cannot be found out is null or empty. */
export async function recordEnvironment(parts: EnvironmentParts, programDirectory: string): Promise<Environment> {
  const cpus = os.cpus();
  const load = os.loadavg()[0] ?? 0;
  return {
    recordedAt: new Date().toISOString(),
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    // A container may be given fewer cores than the machine has; threads beyond those would only take turns.
    logicalCores: os.availableParallelism(),
    simd: await simdOf(),
    caches: await cachesOf(),
    memoryBytes: os.totalmem(),
    availableMemoryBytes: await availableMemory(),
    os: `${os.type()} ${os.release()}`,
    architecture: process.arch,
    loadAverage: process.platform === 'win32' ? null : load,
    nodeVersion: process.versions.node,
    version: await versionOf(programDirectory),
    commit: await commitOf(programDirectory),
    remarks: busyRemark(load),
    ...parts,
  };
}

/** A quarter of the cores taken by others shows in every interval. */
function busyRemark(load: number): string[] {
  const cores = os.availableParallelism();
  return load > cores / 4
    ? [`The machine was busy when the run began (load ${load.toFixed(1)} on ${cores} cores): figures are less certain.`]
    : [];
}

/** Bytes that can be allocated without swapping, as far as the system says. */
export async function availableMemory(): Promise<number> {
  const entry = /^MemAvailable:\s+(\d+) kB/m.exec(await textOf('/proc/meminfo'))?.[1];
  const system = entry === undefined ? os.freemem() : Number(entry) * 1024;
  // A container's limit, where there is one; 0 means that there is none that binds.
  const constrained = process.constrainedMemory();
  const limit = constrained > 0 && constrained < os.totalmem() ? constrained - process.memoryUsage.rss() : Infinity;
  return Math.max(0, Math.min(system, limit));
}

const SIMD_FLAG = /^(sse4_\d|avx.*|fma|f16c|amx.*|asimd.*|sve.*|i8mm|bf16|fphp)$/;

async function simdOf(): Promise<string[]> {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(await textOf('/proc/cpuinfo'))?.[1];
  if (line !== undefined) {
    return line.split(' ').filter((flag) => SIMD_FLAG.test(flag));
  }
  const features = await outputOf('sysctl', ['-n', 'machdep.cpu.features', 'machdep.cpu.leaf7_features']);
  const names = features
    .toLowerCase()
    .split(/\s+/)
    .filter((flag) => SIMD_FLAG.test(flag.replace('.', '_')));
  return names.length > 0 ? names : process.arch === 'arm64' ? ['asimd'] : [];
}

async function cachesOf(): Promise<Environment['caches']> {
  const caches: Environment['caches'] = { l1d: null, l2: null, l3: null };
  for (let index = 0; index < 8; index++) {
    const directory = `/sys/devices/system/cpu/cpu0/cache/index${index}`;
    const [level, type, size] = await Promise.all(
      ['level', 'type', 'size'].map(async (name) => (await textOf(path.join(directory, name))).trim()),
    );
    const kilobytes = /^(\d+)K$/.exec(size ?? '')?.[1];
    const key = level === '1' && type === 'Data' ? 'l1d' : level === '2' ? 'l2' : level === '3' ? 'l3' : null;
    if (key !== null && kilobytes !== undefined) {
      caches[key] = Number(kilobytes) * 1024;
    }
  }
  if (process.platform === 'darwin') {
    for (const [key, name] of [
      ['l1d', 'hw.l1dcachesize'],
      ['l2', 'hw.l2cachesize'],
      ['l3', 'hw.l3cachesize'],
    ] as const) {
      const bytes = Number(await outputOf('sysctl', ['-n', name]));
      caches[key] = bytes > 0 ? bytes : null;
    }
  }
  return caches;
}

async function versionOf(directory: string): Promise<string | null> {
  for (const candidate of upwards(directory)) {
    const text = await textOf(path.join(candidate, 'package.json'));
    const version = /"name":\s*"fff-explorer"[\s\S]*?"version":\s*"([^"]+)"/.exec(text)?.[1];
    if (version !== undefined) {
      return version;
    }
  }
  return null;
}

/** Reads git's own files: a program must not depend on git being installed. */
async function commitOf(directory: string): Promise<string | null> {
  for (const candidate of upwards(directory)) {
    const git = path.join(candidate, '.git');
    const head = (await textOf(path.join(git, 'HEAD'))).trim();
    const reference = /^ref: (refs\/\S+)$/.exec(head)?.[1];
    const hash =
      reference === undefined
        ? head
        : (await textOf(path.join(git, reference))).trim() ||
          (await textOf(path.join(git, 'packed-refs')))
            .split('\n')
            .find((line) => line.endsWith(` ${reference}`))
            ?.split(' ')[0];
    if (hash !== undefined && /^[0-9a-f]{40,64}$/.test(hash)) {
      return hash;
    }
  }
  return null;
}

/** The directory and the three above it: `dist/` and a repository around it, and no stranger's. */
function upwards(directory: string): string[] {
  const steps = [directory];
  for (let i = 0; i < 3; i++) {
    steps.push(path.dirname(steps[steps.length - 1]!));
  }
  return steps;
}

/** A file's text, or nothing where there is no such file. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}

async function outputOf(command: string, args: string[]): Promise<string> {
  if (process.platform !== 'darwin') {
    return '';
  }
  try {
    return (await promisify(execFile)(command, args, { timeout: 2000 })).stdout.trim();
  } catch {
    return '';
  }
}
