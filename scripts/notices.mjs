/**
 * dist/THIRD_PARTY_NOTICES.txt: the licence of every package whose code is inside a bundle or shipped beside it. The
 * list comes from what esbuild really bundled, so it cannot go stale.
 */
import fs from 'node:fs';
import path from 'node:path';
import { dist, inRoot } from './lib/paths.mjs';
import { nativePackages } from './nativeParts.mjs';

/**
 * @param {string[]} inputs paths of bundled files, relative to the repository
 */
export function writeNotices(inputs) {
  const packages = new Set(nativePackages);
  for (const input of inputs) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input)?.[1];
    if (name !== undefined) {
      packages.add(name);
    }
  }
  const notices = [...packages].sort().map(notice);
  fs.writeFileSync(
    path.join(dist, 'THIRD_PARTY_NOTICES.txt'),
    `FFF Explorer contains the following third-party software.\n\n${notices.join('\n')}`,
  );
}

/** @param {string} name a package in node_modules/ */
function notice(name) {
  const folder = inRoot('node_modules', name);
  const { version, license, author } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = fs.readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  const by = typeof author === 'object' ? author?.name : author;
  const text =
    file === undefined
      ? `Copyright ${by ?? `the authors of ${name}`}`
      : fs.readFileSync(path.join(folder, file), 'utf8');
  return `${'-'.repeat(80)}\n${name} ${version} (${license})\n${'-'.repeat(80)}\n${text.trim()}\n`;
}
