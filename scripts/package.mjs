/**
 * `npm run package`: builds everything and packs `dist/fff-explorer-<target>-<version>.vsix` for this machine's
 * platform. Refuses when the newest CHANGELOG entry is not the version being packed.
 *
 * vsce runs in a copy of the few candidate folders: in the repository it would look at every file of the caches, and
 * the native packages it needs beside the bundles would shadow node_modules/ while developing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { cache, dist, inRoot, isMain, manifest } from './lib/paths.mjs';
import { must } from './lib/process.mjs';
import { copyNativeParts, thisTarget } from './nativeParts.mjs';

/** What .vscodeignore, the real allow-list, gets to choose from. */
const candidates = ['package.json', '.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE', 'dist', 'models', 'media'];

/**
 * The version a changelog's first entry describes, from a heading such as `## 0.1.0` or `## [0.1.0] - 2026-11-27`.
 * @param {string} changelog text of CHANGELOG.md
 * @returns {string | undefined}
 */
export function topChangelogVersion(changelog) {
  return /^## \[?v?(\d+\.\d+\.\d+[^\]\s]*)/m.exec(changelog)?.[1];
}

/**
 * @param {{ log?: (line: string) => void, built?: boolean }} [options] `built` skips the build
 * @returns {Promise<string>} path of the VSIX
 */
export async function packageExtension({ log = console.log, built = false } = {}) {
  const { name, version } = manifest();
  const described = topChangelogVersion(fs.readFileSync(inRoot('CHANGELOG.md'), 'utf8'));
  if (described !== version) {
    throw new Error(
      `CHANGELOG.md begins with ${described ?? 'no version'} while package.json says ${version}. Describe this version first.`,
    );
  }
  if (!built) {
    await build({ log });
  }
  const target = thisTarget();
  const file = path.join(dist, `${name}-${target}-${version}.vsix`);
  const stage = path.join(cache, 'package');
  fs.rmSync(stage, { recursive: true, force: true });
  for (const candidate of candidates.filter((c) => fs.existsSync(inRoot(c)))) {
    fs.cpSync(inRoot(candidate), path.join(stage, candidate), {
      recursive: true,
      filter: (file) => !/\.(vsix|map)$/.test(file),
    });
  }
  copyNativeParts(target, path.join(stage, 'dist/node_modules'));
  await must(
    process.execPath,
    [
      ...[inRoot('node_modules/@vscode/vsce/vsce'), 'package', '--target', target, '--out', file],
      ...['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'],
    ],
    { cwd: stage },
  );
  fs.rmSync(stage, { recursive: true, force: true });
  log(`${path.relative(inRoot(), file)}  ${(fs.statSync(file).size / 1e6).toFixed(1)} MB`);
  return file;
}

/**
 * The packed extension for a test: the file FFF_EXPLORER_VSIX names, else a fresh one.
 * @returns {Promise<string>}
 */
export async function packedExtension() {
  return process.env['FFF_EXPLORER_VSIX'] ?? (await packageExtension({ log: () => {} }));
}

if (isMain(import.meta)) {
  try {
    await packageExtension();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
