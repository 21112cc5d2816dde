import { defineConfig } from 'vitest/config';
import type { ProjectConfig } from 'vitest/node';

/** Of everything that drives the packed extension in a real VS Code: one editor at a time, on whatever machine. */
export const inEditor = {
  globalSetup: 'test/e2e/globalSetup.ts',
  environment: 'node',
  pool: 'forks',
  poolOptions: { forks: { singleFork: true } },
  testTimeout: 600_000,
  hookTimeout: 600_000,
  // A machine that does other work at the same time is slow, not wrong.
  expect: { poll: { timeout: 60_000, interval: 100 } },
} satisfies ProjectConfig;

/** One project a lane of `npm test`; test files are found by folder, never listed by hand. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          testTimeout: 60_000,
        },
      },
      { test: { name: 'webview', include: ['test/webview/**/*.test.ts'], environment: 'jsdom', testTimeout: 30_000 } },
      {
        test: {
          name: 'kernels',
          include: ['test/kernels/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: 'test/package/globalSetup.ts',
          environment: 'node',
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...inEditor,
        },
      },
    ],
  },
});
