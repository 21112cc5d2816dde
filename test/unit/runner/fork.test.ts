/** The real runner in a real process: bundled for this test, killed for real. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunnerState } from '../../../extension/protocol';
import { RunnerClient } from '../../../extension/runner/client';
import { forkRunner } from '../../../extension/runner/process';
import { memoryLog } from '../host/fakes';

const ROOT = path.resolve(__dirname, '../../..');
const MODEL = path.join(ROOT, 'models', 'default');
const LONG_TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(600);

describe('the runner as a process', () => {
  let folder: string;
  let bundle: string;
  let log: ReturnType<typeof memoryLog>;
  let client: RunnerClient;
  let states: RunnerState['kind'][];

  beforeAll(async () => {
    // Two folders below the root, where bundles find node_modules/ and the kernel as they do in dist/.
    mkdirSync(path.join(ROOT, '.cache'), { recursive: true });
    folder = mkdtempSync(path.join(ROOT, '.cache', 'runner-test-'));
    bundle = path.join(folder, 'runner.js');
    await build({
      absWorkingDir: ROOT,
      entryPoints: ['extension/runner/main.ts'],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      external: ['onnxruntime-node', 'tokenizers'],
      logLevel: 'error',
    });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeEach(() => {
    log = memoryLog();
    client = new RunnerClient({
      spawn: () => forkRunner(bundle, log),
      options: () => ({ threads: 1 }),
      log,
      now: () => performance.now(),
    });
    states = [];
    client.on('state', ({ kind }) => states.push(kind));
  });

  afterEach(() => client.dispose());

  function pid(): number {
    if (client.state.kind !== 'ready') {
      throw new Error(`The runner is ${client.state.kind}.`);
    }
    return client.state.hello.pid;
  }

  const trace = (runId: number, text: string, signal?: AbortSignal) =>
    client.trace({ runId, model: MODEL, input: { text }, topPredictions: 3 }, signal);

  it('traces and measures, and its arrays are their own', async () => {
    const result = await trace(1, 'const length = array.<mask>;');
    expect(result.tokens.map(({ text }) => text)).toContain('<mask>');
    expect(result.predictions[0]?.top).toHaveLength(3);
    for (const layer of result.layers) {
      for (const array of [layer!.leaves, layer!.logits]) {
        expect([array.byteOffset, array.buffer.byteLength]).toEqual([0, array.byteLength]);
      }
      expect(layer!.leaves).toBeInstanceOf(Uint16Array);
      expect(layer!.logits).toBeInstanceOf(Float32Array);
    }
    const timings: number[] = [];
    client.on('timing', ({ runId, timing }) => timings.push(runId * 100 + timing.layer));
    const passes: number[] = [];
    client.on('passTiming', ({ runId, passTiming }) => passes.push(runId, passTiming.tokens));
    const measured = await client.measure({ runId: 1, budgetMsPerLayer: 5 });
    expect(passes).toEqual([1, result.tokens.length]);
    expect(measured).toHaveLength(result.model.layers);
    expect(new Set(timings)).toEqual(new Set([100, 101, 102, 103]));
  });

  it('killed in the middle of a run, says so once, and the next request works', async () => {
    const killed = new Promise<void>((resolve) => {
      const subscription = client.on('progress', ({ done }) => {
        if (done > 0) {
          subscription.dispose();
          process.kill(pid(), 'SIGKILL');
          resolve();
        }
      });
    });
    const run = trace(1, LONG_TEXT);
    await expect(run).rejects.toMatchObject({
      code: 'RUNNER_EXITED',
      message: 'The runner process ended unexpectedly (signal SIGKILL).',
    });
    await killed;
    expect(client.state).toMatchObject({ kind: 'crashed', willRestart: true, error: { code: 'RUNNER_EXITED' } });
    expect((await trace(2, 'It works again.')).runId).toBe(2);
    expect(states).toEqual(['starting', 'ready', 'crashed', 'starting', 'ready']);
  });

  it('lets a new run supersede a long one', async () => {
    const first = trace(1, LONG_TEXT).catch((thrown: unknown) => thrown);
    await new Promise<void>((resolve) => client.on('progress', ({ done }) => done > 0 && resolve()));
    const second = await trace(2, 'short');
    expect(second.text).toBe('short');
    expect(await first).toMatchObject({ code: 'CANCELLED' });
    expect(states).toEqual(['starting', 'ready']);
  });

  it('cancels a long run when the caller loses interest', async () => {
    const controller = new AbortController();
    const run = trace(1, LONG_TEXT, controller.signal).catch((thrown: unknown) => thrown);
    await new Promise<void>((resolve) => client.on('progress', ({ done }) => done > 0 && resolve()));
    controller.abort();
    expect(await run).toMatchObject({ code: 'CANCELLED' });
    expect((await trace(2, 'next')).runId).toBe(2);
  });

  it('passes on what is wrong with a model folder, and lives', async () => {
    await trace(1, 'alive');
    const before = pid();
    const missing = path.join(folder, 'no-such-model');
    await expect(
      client.trace({ runId: 2, model: missing, input: { text: 'a' }, topPredictions: 0 }),
    ).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND', message: expect.stringContaining(missing) as string });
    await trace(3, 'still alive');
    expect(pid()).toBe(before);
  });

  it.each([
    ['binary', '\u0000\u0001\u0002\uffff\ufffe\u0007PK\u0003\u0004\u001b[31m'],
    ['lone surrogates', 'a \ud83d b \ude00 c \udc00\ud800'],
    ['only a space', ' '],
    ['empty', ''],
  ])('survives text that is %s', async (_, text) => {
    const outcome = await trace(1, text).then(
      ({ tokens }) => tokens.length,
      (thrown: unknown) => (thrown as { code: string }).code,
    );
    expect(typeof outcome === 'number' ? outcome > 0 : outcome === 'BAD_INPUT').toBe(true);
    expect((await trace(2, 'fine')).runId).toBe(2);
    expect(states).toEqual(['starting', 'ready']);
  });

  it('traces the first windows of a megabyte and announces the rest', async () => {
    const text = 'word '.repeat(210_000);
    const result = await trace(1, text);
    expect(result.windows).toHaveLength(64);
    expect(result.omittedWindows).toBeGreaterThan(1000);
  });

  it('ends when its owner goes away', async () => {
    const child = fork(bundle, [], { serialization: 'advanced', silent: true, execArgv: [] });
    child.send({ kind: 'request', id: 1, method: 'hello', parameters: [{ threads: 1 }] });
    await once(child, 'message');
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('refuses to run without an owner, and says what to use instead', async () => {
    const child = spawn(process.execPath, [bundle], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (piece) => (said += String(piece)));
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(said).toContain('fff-explorer trace');
  });

  it('reports a bundle that cannot run, with the reason in the log', async () => {
    const broken = new RunnerClient({
      spawn: () => forkRunner(path.join(folder, 'missing.js'), log),
      options: () => ({ threads: 1 }),
      log,
      now: () => performance.now(),
    });
    await expect(
      broken.trace({ runId: 1, model: MODEL, input: { text: 'a' }, topPredictions: 0 }),
    ).rejects.toMatchObject({ code: 'RUNNER_EXITED', message: expect.stringContaining('exit code 1') as string });
    broken.dispose();
    expect(log.lines.join('\n')).toContain('missing.js');
  });
});
