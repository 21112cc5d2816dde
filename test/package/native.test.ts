/** The packed native parts load and compute where nothing else is installed: plain Node, in a folder of its own. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, inject, test } from 'vitest';

const extension = path.join(inject('unpacked'), 'extension');
const model = path.join(extension, 'models/default');

function cli(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env };
  delete env['NODE_PATH'];
  const options = { cwd: extension, env, encoding: 'utf8', maxBuffer: 64e6 } as const;
  return spawnSync(process.execPath, [path.join(extension, 'dist/cli.js'), ...args], options);
}

test('the packed terminal describes the packed model', () => {
  const { status, stdout, stderr } = cli('info', '--model', model);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/layers/i);
  expect(stdout).toMatch(/trees/i);
});

test('addon, onnxruntime and tokenizers of the package compute a trace together', () => {
  const { status, stdout, stderr } = cli('trace', '--model', model, '--text', 'array.<mask>', '--json');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const trace = JSON.parse(stdout) as {
    tokens: { text: string }[];
    layers: { nodes: number[][][] }[];
    predictions: { index: number; top: { text: string; probability: number }[] }[];
  };
  expect(trace.tokens.map(({ text }) => text)).toContain('array');
  for (const { nodes } of trace.layers) {
    expect(nodes).toHaveLength(trace.tokens.length);
    for (const path of nodes.flat()) {
      expect(path[0]).toBe(0);
      path.slice(1).forEach((node, level) => expect([2 * path[level]! + 1, 2 * path[level]! + 2]).toContain(node));
    }
  }
  expect(trace.predictions).toHaveLength(1);
  expect(trace.predictions[0]!.top[0]!.probability).toBeGreaterThan(0);
});

test('the packed default model is the default', () => {
  const named = cli('info', '--model', model);
  const unnamed = cli('info');
  expect(unnamed.status).toBe(0);
  expect(unnamed.stdout).toBe(named.stdout);
});
