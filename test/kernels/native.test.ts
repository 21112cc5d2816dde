/**
 * Builds and runs the native property tests: once as shipped, once with AddressSanitizer and UndefinedBehaviorSanitizer
 * where the compiler can link them, and for 64-bit Arm under emulation where a cross compiler and qemu are installed.
 * A variant this machine cannot build is reported as skipped by name, never silently.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
// eslint-disable-next-line @typescript-eslint/ban-ts-comment
// @ts-ignore -- a plain build script without types
import { buildVariant } from '../../scripts/buildKernel.mjs';

const build = buildVariant as (variant: {
  name: string;
  options: Record<string, string>;
  target: string;
}) => Promise<string>;
const run = promisify(execFile);

function compiles(compiler: string, ...flags: string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'fff-compiler-'));
  try {
    const source = join(folder, 'probe.cc');
    writeFileSync(source, 'int main() { return 0; }\n');
    const result = spawnSync(compiler, [source, '-o', join(folder, 'probe'), ...flags], { stdio: 'ignore' });
    return result.error === undefined && result.status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a test program; its last line must count passed tests and no failed one. A failing one rejects with its output. */
async function expectAllPassed(command: string, ...args: string[]): Promise<void> {
  const { stdout } = await run(command, args);
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^[1-9]\d* passed, 0 failed$/);
}

const tests = { FFF_ADDON: 'OFF' };
const sanitizers = process.platform !== 'win32' && compiles(process.env.CXX ?? 'c++', '-fsanitize=address,undefined');
const arm =
  process.platform === 'linux' &&
  process.arch !== 'arm64' &&
  compiles('aarch64-linux-gnu-g++', '-static') &&
  spawnSync('qemu-aarch64', ['--version'], { stdio: 'ignore' }).status === 0;

// Limits for a busy machine: compiling under a sanitizer takes minutes when others use the cores.
describe('native property tests', { timeout: 600_000 }, () => {
  it('pass as shipped', async () => {
    const folder = await build({ name: 'kernels', options: {}, target: 'fff_test' });
    await expectAllPassed(join(folder, process.platform === 'win32' ? 'Release/fff_test.exe' : 'fff_test'));
  });

  it.runIf(sanitizers)('pass under AddressSanitizer and UndefinedBehaviorSanitizer', async () => {
    const options = { ...tests, FFF_SANITIZE: 'ON', CMAKE_CXX_FLAGS_RELEASE: '-O1' };
    const folder = await build({ name: 'kernels-sanitize', options, target: 'fff_test' });
    await expectAllPassed(join(folder, 'fff_test'));
  });

  it.runIf(arm)('pass on emulated 64-bit Arm', async () => {
    const options = {
      ...tests,
      CMAKE_SYSTEM_NAME: 'Linux',
      CMAKE_SYSTEM_PROCESSOR: 'aarch64',
      CMAKE_CXX_COMPILER: 'aarch64-linux-gnu-g++',
      CMAKE_EXE_LINKER_FLAGS: '-static',
    };
    const folder = await build({ name: 'kernels-arm64', options, target: 'fff_test' });
    await expectAllPassed('qemu-aarch64', join(folder, 'fff_test'), 'neon');
  });
});
