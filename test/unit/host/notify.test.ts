import { beforeEach, describe, expect, it } from 'vitest';
import { FffError } from '../../../extension/errors';
import { Notifier, type ButtonLabel } from '../../../extension/notify';
import { memoryLog } from './fakes';

describe('Notifier', () => {
  let shown: { kind: string; message: string; button: ButtonLabel | null }[];
  let pressed: ButtonLabel[];
  let clock: number;
  let answer: string | undefined;
  let log: ReturnType<typeof memoryLog>;
  let notifier: Notifier;
  let isShown: boolean;

  beforeEach(() => {
    shown = [];
    pressed = [];
    clock = 0;
    answer = undefined;
    log = memoryLog();
    const press = (label: ButtonLabel) => () => pressed.push(label);
    isShown = false;
    notifier = new Notifier({
      isShown: () => isShown,
      show: (kind, message, button) => {
        shown.push({ kind, message, button });
        return Promise.resolve(answer);
      },
      press: {
        'Show Log': press('Show Log'),
        'Restart Runner': press('Restart Runner'),
        'Open Settings': press('Open Settings'),
        'Open Benchmark': press('Open Benchmark'),
      },
      log,
      now: () => clock,
    });
  });

  it.each([
    ['RUNNER_EXITED', 'error', 'Show Log'],
    ['RUNNER_GAVE_UP', 'error', 'Restart Runner'],
    ['CHECKPOINT_INVALID', 'error', 'Open Settings'],
    ['BAD_INPUT', 'info', null],
  ] as const)('shows %s as one sentence with one button', async (code, kind, button) => {
    await notifier.report(new FffError(code, 'One sentence.'));
    expect(shown).toEqual([{ kind, message: 'One sentence.', button }]);
  });

  it('says nothing that a view shows already', async () => {
    isShown = true;
    await notifier.report(new FffError('RUNNER_EXITED', 'It died.'));
    expect(shown).toEqual([]);
    isShown = false;
    await notifier.report(new FffError('RUNNER_EXITED', 'It died.'));
    expect(shown).toHaveLength(1);
  });

  it('does what the button says, when it is pressed', async () => {
    await notifier.report(new FffError('RUNNER_GAVE_UP', 'First.'));
    expect(pressed).toEqual([]);
    answer = 'Restart Runner';
    await notifier.report(new FffError('RUNNER_GAVE_UP', 'Second.'));
    expect(pressed).toEqual(['Restart Runner']);
  });

  it('leads where it is told to, whatever the error', async () => {
    answer = 'Open Benchmark';
    await notifier.report(new FffError('RUNNER_GAVE_UP', 'Benchmark: it died.'), 'Open Benchmark');
    expect(shown).toEqual([{ kind: 'error', message: 'Benchmark: it died.', button: 'Open Benchmark' }]);
    expect(pressed).toEqual(['Open Benchmark']);
  });

  it('adds what to do where there is no button for it', async () => {
    await notifier.report(new FffError('BAD_INPUT', 'Too long.', 'Select less.'));
    expect(shown[0]?.message).toBe('Too long. Select less.');
  });

  it('says the same thing once when it arrives over two ways, and again later', async () => {
    const error = new FffError('RUNNER_EXITED', 'It died.');
    await notifier.report(error);
    await notifier.report(FffError.fromWire(error.toWire()));
    clock = 5000;
    await notifier.report(error);
    expect(shown).toHaveLength(2);
  });

  it('is silent about cancellations', async () => {
    await notifier.report(new FffError('CANCELLED', 'The run was cancelled.'));
    expect(shown).toEqual([]);
  });

  it('guards an action: the stack goes to the log, the sentence to the user, nothing to the caller', async () => {
    await notifier.guard('fffExplorer.inspectSelection', () => {
      throw new Error('boom');
    });
    await notifier.guard('fine', () => Promise.resolve(1));
    expect(shown).toEqual([{ kind: 'error', message: 'Unexpected error: boom', button: 'Show Log' }]);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^warn: fffExplorer\.inspectSelection: Error: boom\n +at /);
  });
});
