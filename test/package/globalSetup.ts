/** Once for all package tests: the packed extension, and the folder it is unpacked into. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { packedExtension } from '../../scripts/package.mjs';
import { unzip } from './zip';

declare module 'vitest' {
  export interface ProvidedContext {
    vsix: string;
    /** The unpacked VSIX: `extension/` and the package's own lists. */
    unpacked: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const vsix = await packedExtension();
  const unpacked = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-vsix-'));
  unzip(vsix, unpacked);
  project.provide('vsix', vsix);
  project.provide('unpacked', unpacked);
  return () => {
    fs.rmSync(unpacked, { recursive: true, force: true });
  };
}
