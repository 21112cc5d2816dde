/** What ships: the exact files, nothing personal in them, and a size that was promised. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { commandTable, type CommandServices } from '../../extension/commands';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { thisTarget } from '../../scripts/nativeParts.mjs';
import { topChangelogVersion } from '../../scripts/package.mjs';
import { lines } from '../../scripts/vscode/install.mjs';
import { readZip } from './zip';

/** Every file of the package, as patterns; each must match, and no file may match none. */
const allowed = [
  /^\[Content_Types\]\.xml$/,
  /^extension\.vsixmanifest$/,
  /^extension\/package\.json$/,
  /^extension\/readme\.md$/,
  /^extension\/changelog\.md$/,
  /^extension\/LICENSE\.txt$/,
  /^extension\/dist\/main\.js$/,
  /^extension\/dist\/runner\.js$/,
  /^extension\/dist\/cli\.js$/,
  /^extension\/dist\/fff\.node$/,
  /^extension\/dist\/THIRD_PARTY_NOTICES\.txt$/,
  /^extension\/dist\/webview\/(benchmark|sidebar|trace)\.(js|css)$/,
  /^extension\/dist\/node_modules\/onnxruntime-common\/package\.json$/,
  /^extension\/dist\/node_modules\/onnxruntime-common\/dist\/cjs\/package\.json$/,
  /^extension\/dist\/node_modules\/onnxruntime-common\/dist\/cjs\/[\w-]+\.js$/,
  /^extension\/dist\/node_modules\/onnxruntime-node\/package\.json$/,
  /^extension\/dist\/node_modules\/onnxruntime-node\/dist\/\w+\.js$/,
  /^extension\/dist\/node_modules\/onnxruntime-node\/bin\/napi-v\d+\/\w+\/\w+\/onnxruntime_binding\.node$/,
  /^extension\/dist\/node_modules\/onnxruntime-node\/bin\/napi-v\d+\/\w+\/\w+\/(lib)?onnxruntime\.[\w.]+$/,
  /^extension\/dist\/node_modules\/tokenizers\/(package\.json|index\.js)$/,
  /^extension\/dist\/node_modules\/tokenizers\/tokenizers\.[\w-]+\.node$/,
  /^extension\/media\/icon\.png$/,
  /^extension\/media\/activity\.svg$/,
  /^extension\/media\/sample\/(sample\.ts|notes\.md)$/,
  /^extension\/media\/walkthrough\/\w+\.md$/,
  /^extension\/media\/pictures\/[\w-]+\.png$/,
  /^extension\/models\/default\/(README\.md|config\.json|tokenizer\.json|model\.safetensors)$/,
  /^extension\/models\/default\/reference\/(cases\.json|expected\.safetensors)$/,
];

const entries = readZip(inject('vsix'));
const names = entries.map(({ name }) => name);

const text = (name: string): string => {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw new Error(`The package has no ${name}.`);
  }
  return entry.content().toString('utf8');
};

describe('the package holds', () => {
  test('no file that is not on the list', () => {
    expect(names.filter((name) => !allowed.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  test('every file that is on the list', () => {
    expect(allowed.filter((pattern) => !names.some((name) => pattern.test(name)))).toEqual([]);
  });

  test('the binaries of one platform only', () => {
    const [platform, architecture] = thisTarget().split('-') as [string, string];
    const natives = names.filter((name) => name.endsWith('.node'));
    expect(natives).toHaveLength(3);
    const runtime = names.filter((name) => name.includes('/onnxruntime-node/bin/'));
    expect(runtime.every((name) => name.includes(`/${platform}/${architecture}/`))).toBe(true);
    expect(text('extension.vsixmanifest')).toContain(`TargetPlatform="${platform}-${architecture}"`);
  });

  test('every picture of the README', () => {
    const pictures = [...text('extension/readme.md').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map((match) => match[1]!);
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.filter((picture) => !names.includes(`extension/${picture}`))).toEqual([]);
  });

  test('every picture of the walkthrough, and a page for each of its steps', () => {
    const { contributes } = JSON.parse(text('extension/package.json')) as {
      contributes: { walkthroughs: { steps: { media: { markdown: string } }[] }[] };
    };
    const pages = contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown));
    expect(pages.filter((page) => !names.includes(`extension/${page}`))).toEqual([]);
    // VS Code takes a picture's place from the page it stands in.
    const pictures = pages.flatMap((page) =>
      [...text(`extension/${page}`).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map((match) =>
        path.posix.join('extension', path.posix.dirname(page), match[1]!),
      ),
    );
    expect(pictures.length).toBeGreaterThanOrEqual(3);
    expect(pictures.filter((picture) => !names.includes(picture))).toEqual([]);
  });

  test('a script and a style sheet for every view of the sources', () => {
    const views = fs.readdirSync(inRoot('webview')).filter((name) => fs.existsSync(inRoot('webview', name, 'main.ts')));
    const expected = views.flatMap((view) => [`${view}.css`, `${view}.js`]).sort();
    const found = names.filter((name) => name.startsWith('extension/dist/webview/')).map((name) => path.basename(name));
    expect(found.sort()).toEqual(expected);
  });
});

describe('the package names', () => {
  const own = names.filter((name) => /\.(js|json|md|txt|css|svg|ts|xml|vsixmanifest)$/.test(name));

  test('no package registry', () => {
    const host = /\bregistry\.[a-z0-9-]+\.(org|com|net|io|dev)\b/i;
    expect(own.filter((name) => host.test(text(name)))).toEqual([]);
  });

  test('no folder of the machine it was built on', () => {
    const folders = [inRoot(), os.homedir() + path.sep];
    expect(own.filter((name) => folders.some((folder) => text(name).includes(folder)))).toEqual([]);
    expect(text('extension/dist/fff.node')).not.toContain(inRoot());
  });

  test('no source map', () => {
    expect(names.filter((name) => name.endsWith('.map'))).toEqual([]);
  });
});

describe('the manifest', () => {
  const manifest = JSON.parse(text('extension/package.json')) as {
    version: string;
    main: string;
    icon: string;
    engines: { vscode: string };
    contributes: { commands: { command: string; category: string }[] };
  };

  test('contributes exactly the commands of the table', () => {
    const contributed = manifest.contributes.commands.map(({ command }) => command);
    // The table is built without being run; no service is touched.
    expect(contributed.sort()).toEqual(Object.keys(commandTable({} as CommandServices)).sort());
  });

  test('has one category and one id prefix', () => {
    for (const { command, category } of manifest.contributes.commands) {
      expect(category).toBe('FFF Explorer');
      expect(command).toMatch(/^fffExplorer\.\w+$/);
    }
  });

  test('points at files that are there', () => {
    expect(names).toContain(path.posix.join('extension', manifest.main));
    expect(names).toContain(path.posix.join('extension', manifest.icon));
  });

  test('promises the VS Code that the host tests run on', () => {
    const promised = /^\^(\d+\.\d+)\./.exec(manifest.engines.vscode)?.[1];
    expect(lines.minimum.vscode.replace(/\.\d+$/, '')).toBe(promised);
  });

  test('has the version the changelog describes', () => {
    expect(topChangelogVersion(text('extension/changelog.md'))).toBe(manifest.version);
  });

  test.each([
    ['# Changelog\n\nWords 9.9.9.\n\n## 1.2.3\n\n## 1.2.2\n', '1.2.3'],
    ['## [1.2.3-beta.1] - 2026-11-27\n', '1.2.3-beta.1'],
    ['# Changelog\n\n## Unreleased\n', undefined],
  ])('changelog %j begins with %s', (changelog, version) => {
    expect(topChangelogVersion(changelog)).toBe(version);
  });
});

describe('the size of', () => {
  interface Output {
    bytes: number;
    inputs: Record<string, { bytesInOutput: number }>;
  }
  const outputs = JSON.parse(fs.readFileSync(inRoot('.cache/bundles.json'), 'utf8')) as Record<string, Output>;

  test('the host bundle is below 150 KB besides dependencies', () => {
    const inputs = Object.entries(outputs['dist/main.js']!.inputs).filter(([file]) => !file.includes('node_modules/'));
    const bytes = inputs.reduce((total, [, { bytesInOutput }]) => total + bytesInOutput, 0);
    console.log(`measured: host bundle ${(bytes / 1000).toFixed(1)} KB of 150 KB`);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(150_000);
  });

  test('each webview script is below 300 KB', () => {
    const scripts = Object.entries(outputs).filter(([file]) => /^dist\/webview\/.*\.js$/.test(file));
    expect(scripts.length).toBeGreaterThan(0);
    for (const [file, { bytes }] of scripts) {
      console.log(`measured: ${file} ${(bytes / 1000).toFixed(1)} KB of 300 KB`);
      expect(bytes).toBeLessThan(300_000);
    }
  });

  test('the package is below 5 MB besides the model and the onnxruntime binary', () => {
    const besides = entries.filter(
      ({ name }) => !name.startsWith('extension/models/') && !/\/(lib)?onnxruntime\.[^/]*$/.test(name),
    );
    const bytes = besides.reduce((total, { packedBytes }) => total + packedBytes, 0);
    const all = fs.statSync(inject('vsix')).size;
    console.log(
      `measured: VSIX ${(all / 1e6).toFixed(1)} MB, of which ${(bytes / 1e6).toFixed(1)} MB of 5 MB are neither model nor onnxruntime`,
    );
    expect(besides.length).toBeLessThan(entries.length);
    expect(bytes).toBeLessThan(5e6);
  });
});
