/**
 * The parts of the two native packages that a VSIX for one platform needs: their JavaScript, and the binaries of that
 * platform alone. Everything else in those packages (GPU files, other platforms, 350 MB) stays out.
 */
import fs from 'node:fs';
import path from 'node:path';
import { inRoot } from './lib/paths.mjs';

/** Packages that are shipped beside the bundles, not inside them. */
export const nativePackages = ['onnxruntime-node', 'onnxruntime-common', 'tokenizers'];

/**
 * VSIX targets and the names the native packages use for them.
 * @type {Record<string, { onnxruntime: string, tokenizers: string }>}
 */
const targets = {
  'linux-x64': { onnxruntime: 'linux/x64', tokenizers: 'linux-x64-gnu' },
  'linux-arm64': { onnxruntime: 'linux/arm64', tokenizers: 'linux-arm64-gnu' },
  'darwin-arm64': { onnxruntime: 'darwin/arm64', tokenizers: 'darwin-arm64' },
  'win32-x64': { onnxruntime: 'win32/x64', tokenizers: 'win32-x64-msvc' },
  'win32-arm64': { onnxruntime: 'win32/arm64', tokenizers: 'win32-arm64-msvc' },
};

/** The VSIX target of the machine we run on. */
export function thisTarget() {
  const target = `${process.platform}-${process.arch}`;
  if (targets[target] === undefined) {
    throw new Error(`No package can be built for ${target}; onnxruntime has no binary for it.`);
  }
  return target;
}

/**
 * Fills a node_modules folder for one target.
 * @param {string} target
 * @param {string} to
 */
export function copyNativeParts(target, to) {
  const names = targets[target];
  if (names === undefined) {
    throw new Error(`Unknown target ${target}; known are ${Object.keys(targets).join(', ')}.`);
  }
  copy(to, 'onnxruntime-node', [
    'package.json',
    ...scripts('onnxruntime-node', 'dist'),
    ...binaries(names.onnxruntime),
  ]);
  copy(to, 'onnxruntime-common', [
    'package.json',
    'dist/cjs/package.json',
    ...scripts('onnxruntime-common', 'dist/cjs'),
  ]);
  copy(to, 'tokenizers', ['index.js', `tokenizers.${names.tokenizers}.node`]);
}

/** @param {string} platform folder of onnxruntime's binaries, for instance `linux/x64` */
function binaries(platform) {
  const folder = fs.readdirSync(inRoot('node_modules/onnxruntime-node/bin')).map((napi) => `bin/${napi}/${platform}`);
  return folder.flatMap((below) =>
    fs
      .readdirSync(inRoot('node_modules/onnxruntime-node', below))
      // CUDA and TensorRT providers appear here when somebody ran the package's install script; DirectML is GPU too.
      .filter((file) => !/providers_(cuda|tensorrt)|directml|dxcompiler|dxil/i.test(file))
      .map((file) => `${below}/${file}`),
  );
}

/**
 * JavaScript files of a package's folder, without maps and declarations.
 * @param {string} name
 * @param {string} below
 */
function scripts(name, below) {
  return fs
    .readdirSync(inRoot('node_modules', name, below), { recursive: true, encoding: 'utf8' })
    .map((file) => `${below}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.js'));
}

/** The fields of a package.json that loading needs; the rest (scripts, registries, authors) has no place in a VSIX. */
const kept = ['name', 'version', 'license', 'type', 'main', 'exports'];

/**
 * @param {string} to a node_modules folder
 * @param {string} name
 * @param {string[]} files
 */
function copy(to, name, files) {
  for (const file of ['package.json', ...files]) {
    const from = inRoot('node_modules', name, file);
    const copied = path.join(to, name, file);
    fs.mkdirSync(path.dirname(copied), { recursive: true });
    if (path.basename(file) === 'package.json') {
      const fields = Object.entries(JSON.parse(fs.readFileSync(from, 'utf8')));
      fs.writeFileSync(copied, JSON.stringify(Object.fromEntries(fields.filter(([field]) => kept.includes(field)))));
    } else {
      fs.copyFileSync(from, copied);
    }
  }
}
