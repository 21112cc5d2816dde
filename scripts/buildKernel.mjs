// Builds the kernel addon with CMake, incrementally, and puts it at dist/fff.node.
//
// Plain Node, no dependencies: it runs before anything else is built. `node scripts/buildKernel.mjs` builds and exits
// 1 with one plain explanation when it cannot; other scripts call buildKernel(). With `--bench` it builds the native
// bench programs instead, which are never shipped: `fff-explorer bench` uses the dense layers among them.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'kernels');

/** The one command that installs CMake and a C++17 compiler on this machine. */
function installCommand() {
  if (process.platform === 'darwin') {
    return 'xcode-select --install && brew install cmake';
  }
  if (process.platform === 'win32') {
    return 'winget install Kitware.CMake Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"';
  }
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const asRoot = process.getuid?.() === 0 ? '' : 'sudo ';
  if (/\b(fedora|rhel|centos)\b/.test(release)) {
    return `${asRoot}dnf install -y cmake make gcc-c++`;
  }
  return `${asRoot}apt-get install -y cmake make g++`;
}

/** @param {...string} words a program and its arguments */
function runs(...words) {
  const [command = '', ...args] = words;
  const result = spawnSync(command, args, { stdio: 'ignore' });
  return result.error === undefined && result.status === 0;
}

/** What is missing to build, in words; empty when nothing is. */
export function missingTools() {
  const missing = [];
  if (!runs('cmake', '--version')) {
    missing.push('CMake');
  }
  if (process.platform !== 'win32') {
    const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
    if (!compilers.some((compiler) => runs(...compiler.split(/\s+/), '--version'))) {
      missing.push('a C++17 compiler');
    }
    if (!runs('make', '--version') && !runs('ninja', '--version')) {
      missing.push('make');
    }
  }
  for (const name of ['node-addon-api', 'node-api-headers']) {
    if (!existsSync(join(root, 'node_modules', name, 'package.json'))) {
      missing.push(`the package ${name} (npm ci)`);
    }
  }
  return missing;
}

/**
 * Runs cmake without blocking the caller's event loop; rejects with the end of its output.
 * @param {string[]} args
 * @param {boolean} quiet
 * @returns {Promise<void>}
 */
function cmake(args, quiet) {
  return new Promise((resolveRun, rejectRun) => {
    const child = spawn('cmake', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (/** @type {Buffer} */ chunk) => {
      output += chunk;
      if (!quiet) {
        process.stdout.write(chunk);
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => rejectRun(new Error(`cmake could not be run: ${error.message}`, { cause: error })));
    child.on('close', (status) => {
      if (status === 0) {
        resolveRun();
      } else {
        const end = output.trimEnd().split('\n').slice(-40).join('\n');
        rejectRun(new Error(`cmake ${args.join(' ')} failed:\n${end}`));
      }
    });
  });
}

/**
 * True while the process that wrote its id into `file` lives; a file that vanished or says nothing counts as alive.
 * @param {string} file
 */
function heldBySomeone(file) {
  try {
    const id = Number(readFileSync(file, 'utf8'));
    return id === 0 || process.kill(id, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/**
 * Code of a system error, for instance `EEXIST`.
 * @param {unknown} error
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/**
 * Runs `work` while no other process builds in the same folder: two makes in one folder ruin each other's objects.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 */
async function alone(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') {
        throw error;
      }
      if (!heldBySomeone(file)) {
        rmSync(file, { force: true });
      }
      await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * Configures and builds one variant under build/ and resolves to its folder. A folder that was configured from elsewhere
 * (a moved checkout) is started afresh.
 * @param {{name?: string, options?: Record<string, string>, target?: string | string[], quiet?: boolean}} [variant]
 */
export async function buildVariant({ name = 'kernels', options = {}, target, quiet = true } = {}) {
  const missing = missingTools();
  if (missing.length > 0) {
    throw new Error(
      `The kernel cannot be built: ${missing.join(' and ')} not found. Install with: ${installCommand()}`,
    );
  }
  const folder = join(root, 'build', name);
  return alone(`${folder}.lock`, () => configureAndBuild(folder, options, target, quiet));
}

/**
 * @param {string} folder
 * @param {Record<string, string>} options
 * @param {string | string[] | undefined} target
 * @param {boolean} quiet
 */
async function configureAndBuild(folder, options, target, quiet) {
  const cache = join(folder, 'CMakeCache.txt');
  if (
    existsSync(cache) &&
    !readFileSync(cache, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${source.replaceAll('\\', '/')}\n`)
  ) {
    rmSync(folder, { recursive: true, force: true });
  }
  const generator = process.platform !== 'win32' && !runs('make', '--version') ? ['-G', 'Ninja'] : [];
  const defines = Object.entries(options).map(([key, value]) => `-D${key}=${value}`);
  if (!existsSync(cache)) {
    await cmake(['-S', source, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', ...generator, ...defines], quiet);
  }
  await cmake(
    ['--build', folder, '--config', 'Release', '--parallel', '2', ...(target ? ['--target', ...[target].flat()] : [])],
    quiet,
  );
  return folder;
}

/**
 * Builds the addon and copies it to dist/fff.node; resolves to that path. Rejects with an Error whose message says what is missing
 * and how to install it, or what the compiler said.
 */
export async function buildKernel({ quiet = true } = {}) {
  const folder = await buildVariant({ target: 'fff_addon', quiet });
  const built = [join(folder, 'fff.node'), join(folder, 'Release', 'fff.node')].find(existsSync);
  if (built === undefined) {
    throw new Error(`The kernel was built but ${join(folder, 'fff.node')} is missing.`);
  }
  const addon = join(root, 'dist', 'fff.node');
  mkdirSync(dirname(addon), { recursive: true });
  if (existsSync(addon) && readFileSync(addon).equals(readFileSync(built))) {
    return addon;
  }
  // Renamed into place: a process that has the old one mapped keeps it, and none ever sees half a file.
  const fresh = `${addon}.${process.pid}.tmp`;
  copyFileSync(built, fresh);
  renameSync(fresh, addon);
  return addon;
}

/**
 * Builds the native bench programs (kernels/bench) against whichever matrix libraries CMake finds here; resolves to their
 * folder. Rejects as buildKernel does.
 */
export async function buildBench({ quiet = true } = {}) {
  const options = { FFF_ADDON: 'OFF', FFF_BENCH: 'ON' };
  const target = ['fff_bench', 'fff_dense', 'fff_probe'];
  return join(await buildVariant({ name: 'kernels-bench', options, target, quiet }), 'bench');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    if (process.argv.includes('--bench')) {
      console.log(`Native bench programs: ${await buildBench({ quiet: false })}`);
    } else {
      console.log(`Kernel: ${await buildKernel({ quiet: false })}`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
