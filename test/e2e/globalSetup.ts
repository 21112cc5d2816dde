/**
 * Once for all end-to-end tests: the packed extension, installed by the VS Code that will run it. `npm test` packs once
 * for all lanes and names the file in FFF_EXPLORER_VSIX; a lane run by itself packs its own.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { inCache } from '../../scripts/lib/paths.mjs';
import { packedExtension } from '../../scripts/package.mjs';
import { installVscode } from '../../scripts/vscode/install.mjs';
import { installExtension } from '../../scripts/vscode/server.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder with the installed extension; every editor begins with a copy. */
    extensions: string;
    screenshots: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const screenshots = inCache('screenshots');
  fs.mkdirSync(screenshots, { recursive: true });
  project.provide('screenshots', screenshots);
  const vsix = await packedExtension();
  await installVscode('current', console.log);
  const extensions = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-extensions-'));
  await installExtension('current', vsix, extensions);
  project.provide('extensions', extensions);
  return () => fs.rmSync(extensions, { recursive: true, force: true });
}
