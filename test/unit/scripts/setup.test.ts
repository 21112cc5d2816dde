/** What a machine lacks is named with the one command that installs it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { buildTools, missingTools, onPath } from '../../../scripts/setup.mjs';

describe('a machine that has nothing but', () => {
  let bin: string;

  beforeEach(() => {
    bin = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-bin-'));
    vi.stubEnv('PATH', bin);
    vi.stubEnv('CXX', undefined);
    vi.stubEnv('FFF_BROWSER', undefined);
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    fs.rmSync(bin, { recursive: true });
  });

  const has = (...programs: string[]): void => {
    programs.forEach((program) => {
      fs.writeFileSync(path.join(bin, program), '');
    });
  };

  test('apt-get', () => {
    has('apt-get');
    expect(missingTools(buildTools)?.replace('sudo ', '')).toBe(
      'This machine lacks CMake and a C++17 compiler and make. Install with: apt-get install -y cmake g++ make',
    );
    expect(missingTools(['browser'])?.replace('sudo ', '')).toBe(
      'This machine lacks Chromium or Chrome. Install with: apt-get install -y chromium',
    );
  });

  test('a compiler and make', () => {
    has('g++', 'make', 'dnf');
    expect(missingTools(buildTools)?.replace('sudo ', '')).toBe(
      'This machine lacks CMake. Install with: dnf install -y cmake',
    );
  });

  test('no package manager', () => {
    has('cmake', 'make', 'c++');
    expect(missingTools(['browser'])).toBe('This machine lacks Chromium or Chrome. Install it and try again.');
  });

  test('everything', () => {
    has('cmake', 'clang++', 'ninja', 'google-chrome');
    expect(missingTools([...buildTools, 'browser'])).toBeUndefined();
    expect(onPath('clang++')).toBe(path.join(bin, 'clang++'));
  });
});
