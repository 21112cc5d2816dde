/** The runner as the extension host owns it: it may die at any time, and settings reach it. */
import * as assert from 'node:assert/strict';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { RunnerClient } from '../../extension/runner/client';
import { explorer, inspect, openAndSelect, traceOf, until, withSetting } from './harness';

function pidOf(runner: RunnerClient): number {
  assert.ok(runner.state.kind === 'ready', `The runner is ${runner.state.kind}.`);
  return runner.state.hello.pid;
}

describe('The runner', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is another process, and the same one for every run', async () => {
    const { runner } = await explorer();
    await openAndSelect('one');
    await inspect();
    const pid = pidOf(runner);
    assert.notEqual(pid, process.pid);
    await openAndSelect('two');
    await inspect();
    assert.equal(pidOf(runner), pid);
  });

  it('killed in the middle of a run fails that run, and the next one works', async () => {
    const { runner, session } = await explorer();
    await openAndSelect('warm');
    await inspect();
    const pid = pidOf(runner);
    await openAndSelect('far too long a text to wait for. '.repeat(2000));
    // Killed from within the event that reports progress: on a busy machine a poll could come after the run's end.
    const listener = session.on('status', (status) => {
      if (status.kind === 'running' && status.done > 0) {
        listener.dispose();
        process.kill(pid, 'SIGKILL');
      }
    });
    await inspect();
    const { status } = session.state;
    assert.ok(status.kind === 'failed');
    assert.equal(status.error.code, 'RUNNER_EXITED');
    assert.match(status.error.message, /ended unexpectedly \(signal SIGKILL\)/);
    await openAndSelect('alive again');
    await inspect();
    await traceOf('alive again');
    assert.notEqual(pidOf(runner), pid);
  });

  it('is replaced by Restart Runner', async () => {
    const { runner } = await explorer();
    await openAndSelect('one');
    await inspect();
    const pid = pidOf(runner);
    await vscode.commands.executeCommand('fffExplorer.restartRunner');
    assert.notEqual(pidOf(runner), pid);
  });

  it('says which model folder is no checkpoint, and goes on with the next', async () => {
    const { session } = await explorer();
    const folder = path.join(os.tmpdir(), 'no-such-checkpoint');
    await withSetting('model.path', folder, async () => {
      await openAndSelect('one');
      await inspect();
      const { status } = session.state;
      assert.ok(status.kind === 'failed');
      assert.equal(status.error.code, 'CHECKPOINT_NOT_FOUND');
      assert.ok(status.error.message.includes(folder));
    });
    await openAndSelect('one more');
    await inspect();
    assert.equal((await traceOf('one more')).model.name, 'default');
  });

  it('shows as many predictions as the settings ask for', async () => {
    for (const count of [1, 9, 0]) {
      await withSetting('predictions.count', count, async () => {
        await openAndSelect('array.<mask>');
        await inspect();
        const { predictions } = await traceOf('array.<mask>');
        assert.equal(predictions[0]?.top.length ?? 0, count);
      });
    }
  });

  it('takes the number of threads at its next start', async () => {
    const { runner } = await explorer();
    await openAndSelect('one');
    await inspect();
    const pid = pidOf(runner);
    await withSetting('threads', 1, async () => {
      // A view that asks for something starts the next one at once, so that the moment between may go unseen.
      await until('the runner to stop', () => runner.state.kind !== 'ready' || runner.state.hello.pid !== pid);
      await openAndSelect('two');
      await inspect();
      await traceOf('two');
      assert.notEqual(pidOf(runner), pid);
    });
  });

  it('starts a run over when the threads change meanwhile, and loses nothing', async () => {
    const { runner, session } = await explorer();
    await openAndSelect('warm');
    await inspect();
    const pid = pidOf(runner);
    const text = 'long enough to be seen under way. '.repeat(2000);
    await openAndSelect(text);
    const underWay = new Promise<void>((resolve) => {
      const listener = session.on('status', (status) => {
        if (status.kind === 'running' && status.done > 0) {
          listener.dispose();
          // It holds its breath, so that the setting changes meanwhile however fast the machine is.
          process.kill(pid, 'SIGSTOP');
          resolve();
        }
      });
    });
    const first = inspect();
    await underWay;
    await withSetting('threads', 1, async () => {
      await first;
      await until('the trace by another runner', () => {
        const { trace, status } = session.state;
        const other = runner.state.kind === 'ready' && runner.state.hello.pid !== pid;
        return other && status.kind === 'idle' && trace?.text === text;
      });
    });
  });

  it('does not measure when the budget is zero', async () => {
    const { session } = await explorer();
    await withSetting('measure.budgetMsPerLayer', 0, async () => {
      await openAndSelect('not timed');
      await inspect();
      const trace = await traceOf('not timed');
      await until('the picture', () => session.latencies.at(-1)?.runId === trace.runId);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual(session.state.timings, []);
    });
  });
});
