/**
 * Once for all end-to-end tests: the packed extension and the VS Code to install it into. `npm test` packs once for all
 * lanes and names the file in FFF_EXPLORER_VSIX; a lane run by itself packs its own.
 */
import fs from 'node:fs';
import type { TestProject } from 'vitest/node';
import { inCache } from '../../scripts/lib/paths.mjs';
import { packedExtension } from '../../scripts/package.mjs';
import { installVscode } from '../../scripts/vscode/install.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    vsix: string;
    screenshots: string;
  }
}

export async function setup(project: TestProject): Promise<void> {
  const screenshots = inCache('screenshots');
  fs.mkdirSync(screenshots, { recursive: true });
  project.provide('screenshots', screenshots);
  project.provide('vsix', await packedExtension());
  await installVscode('current', console.log);
}
