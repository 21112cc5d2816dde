/**
 * What `npm start` and `npm test` do before anything else, with plain Node and no dependency: check what the machine
 * has, say what is missing with the one command that installs it, and install the locked packages.
 */
import fs from 'node:fs';
import path from 'node:path';
import { inRoot, manifest } from './lib/paths.mjs';
import { mustNpm, run } from './lib/process.mjs';

/**
 * A thing a machine must have, how to find it, and its package under each package manager.
 * @typedef {{ name: string, find: () => string | undefined, packages: Record<string, string> }} Tool
 */

/** @type {Record<'cmake' | 'compiler' | 'make' | 'browser', Tool>} */
const tools = {
  cmake: {
    name: 'CMake',
    find: () => onPath('cmake'),
    packages: { 'apt-get': 'cmake', dnf: 'cmake', pacman: 'cmake', zypper: 'cmake', apk: 'cmake', brew: 'cmake' },
  },
  compiler: {
    name: 'a C++17 compiler',
    // On Windows, Visual Studio's compiler is never on PATH; CMake finds it and says so itself when there is none.
    find: () =>
      process.env['CXX'] ?? onPath('c++', 'g++', 'clang++') ?? (process.platform === 'win32' ? 'cl' : undefined),
    packages: { 'apt-get': 'g++', dnf: 'gcc-c++', pacman: 'gcc', zypper: 'gcc-c++', apk: 'build-base', brew: 'llvm' },
  },
  make: {
    name: 'make',
    // Visual Studio brings its own; Ninja will do as well.
    find: () => onPath('make', 'ninja') ?? (process.platform === 'win32' ? 'msbuild' : undefined),
    packages: { 'apt-get': 'make', dnf: 'make', pacman: 'make', zypper: 'make', apk: 'make', brew: 'make' },
  },
  browser: {
    name: 'Chromium or Chrome',
    find: findBrowser,
    packages: {
      'apt-get': 'chromium',
      dnf: 'chromium',
      pacman: 'chromium',
      zypper: 'chromium',
      apk: 'chromium',
      brew: '--cask chromium',
    },
  },
};

/** How each package manager is asked to install something, most specific first. */
const managers = {
  'apt-get': 'apt-get install -y',
  dnf: 'dnf install -y',
  pacman: 'pacman -S --noconfirm',
  zypper: 'zypper install -y',
  apk: 'apk add',
  brew: 'brew install',
};

/** Path of a Chromium-like browser, or undefined. `FFF_BROWSER` names one outright. */
export function findBrowser() {
  const chosen = process.env['FFF_BROWSER'];
  if (chosen !== undefined) {
    return chosen;
  }
  const applications = [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ];
  return (
    onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable') ??
    applications.find((file) => fs.existsSync(file))
  );
}

/**
 * First of the given programs that is on PATH.
 * @param {string[]} names
 * @returns {string | undefined}
 */
export function onPath(...names) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  for (const name of names) {
    for (const folder of folders) {
      for (const ending of endings) {
        const file = path.join(folder, name + ending);
        if (fs.existsSync(file)) {
          return file;
        }
      }
    }
  }
  return undefined;
}

/** What building the kernel takes. @type {(keyof typeof tools)[]} */
export const buildTools = ['cmake', 'compiler', 'make'];

/**
 * What the machine lacks, as one sentence with the one command that installs all of it; undefined when nothing.
 * @param {(keyof typeof tools)[]} wanted
 * @returns {string | undefined}
 */
export function missingTools(wanted) {
  const missing = wanted.map((name) => tools[name]).filter((tool) => tool.find() === undefined);
  if (missing.length === 0) {
    return undefined;
  }
  const names = missing.map((tool) => tool.name).join(' and ');
  const manager = Object.entries(managers).find(([program]) => onPath(program) !== undefined);
  if (manager === undefined) {
    return `This machine lacks ${names}. Install ${missing.length === 1 ? 'it' : 'them'} and try again.`;
  }
  const [program, command] = manager;
  const sudo = program === 'brew' || process.getuid?.() === 0 ? '' : 'sudo ';
  const packages = missing.map((tool) => tool.packages[program]).join(' ');
  return `This machine lacks ${names}. Install with: ${sudo}${command} ${packages}`;
}

/**
 * Makes a fresh clone ready: checks Node and the tools, then installs the locked packages. Throws a sentence about what
 * is missing.
 * @param {(keyof typeof tools)[]} wanted
 * @param {(line: string) => void} log
 */
export async function makeReady(wanted, log) {
  checkNode();
  const missing = missingTools(wanted);
  if (missing !== undefined) {
    throw new Error(missing);
  }
  await installPackages(log);
}

/** Throws a sentence when this Node is older than `engines.node`. */
export function checkNode() {
  const floor = Number(/\d+/.exec(manifest().engines['node'] ?? '')?.[0]);
  const own = Number(process.versions.node.split('.')[0]);
  if (!(own >= floor)) {
    throw new Error(`Node ${process.versions.node} is too old: FFF Explorer needs Node ${floor} or newer.`);
  }
}

/**
 * Runs `npm ci` when node_modules/ is missing or does not hold what package-lock.json says. Contents are compared, not
 * dates: a fresh checkout must not reinstall, and a changed lock must.
 * @param {(line: string) => void} log
 */
export async function installPackages(log) {
  if (packagesMatchLock()) {
    return;
  }
  log('Installing the locked packages (npm ci)');
  await mustNpm('The locked packages could not be installed', ['ci', '--include=dev', '--no-audit', '--no-fund']);
}

/** npm keeps its own record of what it installed in node_modules/.package-lock.json. */
function packagesMatchLock() {
  const record = inRoot('node_modules/.package-lock.json');
  if (!fs.existsSync(record)) {
    return false;
  }
  /** @param {string} file @returns {Record<string, { version?: string, optional?: boolean }>} */
  const packages = (file) => JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  const installed = packages(record);
  return Object.entries(packages(inRoot('package-lock.json'))).every(([folder, { version, optional }]) => {
    const found = installed[folder];
    // Optional packages of other platforms are in the lock and never installed.
    return folder === '' || (found === undefined ? optional === true : found.version === version);
  });
}

/**
 * Python that can run the training tests: the project's own virtual environment first.
 * @returns {Promise<string | undefined>}
 */
export async function findPython() {
  for (const python of [inRoot('.venv/bin/python'), onPath('python3')]) {
    if (python !== undefined && fs.existsSync(python)) {
      const { code } = await run(python, ['-c', 'import torch, pytest'], { timeoutMs: 120_000 });
      if (code === 0) {
        return python;
      }
    }
  }
  return undefined;
}
