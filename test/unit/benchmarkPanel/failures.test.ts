import { describe, expect, it } from 'vitest';
import { Events } from '../../../extension/disposable';
import { tellFailures } from '../../../extension/benchmark/failures';
import { toWireError } from '../../../extension/errors';
import type { BenchmarkRunState, BenchmarkViewEvents } from '../../../extension/protocol';

const FAILED: BenchmarkRunState = {
  kind: 'failed',
  error: { code: 'RUNNER_EXITED', message: 'The runner process ended.', action: 'Try again.' },
  resumable: 'one',
};

describe('a benchmark that failed', () => {
  const events = new Events<BenchmarkViewEvents>();
  const panel = { visible: false };
  const told: unknown[] = [];
  const notifier = {
    report: (thrown: unknown, leadsTo?: string) => {
      told.push({ ...toWireError(thrown), leadsTo });
      return Promise.resolve();
    },
  };

  it('is told by the panel alone where it is seen, and by a notification that leads there where it is not', () => {
    const telling = tellFailures({ on: events.on.bind(events) }, panel, notifier);
    panel.visible = true;
    events.fire('run', FAILED);
    expect(told).toEqual([]);
    panel.visible = false;
    events.fire('run', { kind: 'idle' });
    expect(told).toEqual([]);
    events.fire('run', FAILED);
    expect(told).toEqual([
      {
        code: 'RUNNER_EXITED',
        message: 'Benchmark: The runner process ended.',
        action: 'Try again.',
        leadsTo: 'Open Benchmark',
      },
    ]);
    telling.dispose();
    events.fire('run', FAILED);
    expect(told).toHaveLength(1);
  });
});
