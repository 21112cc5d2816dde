import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableMemory, recordEnvironment } from '../../../extension/runner/benchmark/environment';
import { version } from '../../../package.json';

const parts = {
  onnxruntimeVersion: '1.0',
  kernelImplementation: 'scalar',
  supportedImplementations: ['scalar'],
  modelHash: null,
};

describe('the environment record', () => {
  it('knows this machine', async () => {
    const environment = await recordEnvironment(parts, __dirname);
    expect(environment).toMatchObject({ ...parts, nodeVersion: process.versions.node, architecture: process.arch });
    expect(environment.cpu).not.toBe('');
    expect(environment.logicalCores).toBeGreaterThan(0);
    expect(environment.memoryBytes).toBeGreaterThan(environment.availableMemoryBytes);
    expect(environment.version).toBe(version);
    expect(Date.parse(environment.recordedAt)).toBeLessThanOrEqual(Date.now());
    expect(JSON.parse(JSON.stringify(environment))).toEqual(environment);
  });

  it('finds the commit in git’s files, loose or packed, and none outside a repository', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'fff-commit-'));
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: directory,
        encoding: 'utf8',
      }).trim();
    try {
      const dist = path.join(directory, 'dist');
      mkdirSync(dist);
      expect((await recordEnvironment(parts, dist)).commit).toBeNull();
      git('init', '-q');
      writeFileSync(path.join(directory, 'a'), '');
      git('add', 'a');
      git('commit', '-qm', 'first');
      const hash = git('rev-parse', 'HEAD');
      expect((await recordEnvironment(parts, dist)).commit).toBe(hash);
      git('pack-refs', '--all');
      expect((await recordEnvironment(parts, dist)).commit).toBe(hash);
      git('checkout', '-q', '--detach');
      expect((await recordEnvironment(parts, dist)).commit).toBe(hash);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('knows how much memory can be had', async () => {
    expect(await availableMemory()).toBeGreaterThan(1e6);
  });
});
