/** Where things are. Everything built or fetched lives under `dist/`, `build/` or `.cache/`, none of it committed. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const dist = path.join(root, 'dist');
export const cache = path.join(root, '.cache');

/** @param {string[]} parts path below the repository's top folder */
export function inRoot(...parts) {
  return path.join(root, ...parts);
}

/** @param {string[]} parts path below the cache folder */
export function inCache(...parts) {
  return path.join(cache, ...parts);
}

/**
 * The parsed package.json.
 * @returns {{ name: string, version: string, publisher: string, engines: Record<string, string>, [key: string]: unknown }}
 */
export function manifest() {
  return JSON.parse(fs.readFileSync(inRoot('package.json'), 'utf8'));
}

/**
 * True in the file that was given to `node`, false where it is imported.
 * @param {ImportMeta} meta
 */
export function isMain(meta) {
  const started = process.argv[1];
  return started !== undefined && fs.realpathSync(started) === fs.realpathSync(fileURLToPath(meta.url));
}
