import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Inspection } from '../../../extension/session';
import { Follower } from '../../../extension/views/follower';
import { memoryLog } from './fakes';

const { moved } = vi.hoisted(() => ({ moved: [] as (() => void)[] }));

vi.mock('vscode', () => {
  const never = () => ({ dispose: () => undefined });
  return {
    window: {
      onDidChangeTextEditorSelection: (listener: () => void) => {
        moved.push(listener);
        return never();
      },
      onDidChangeActiveTextEditor: never,
    },
    workspace: { onDidChangeTextDocument: never },
  };
});

vi.mock('../../../extension/selection', () => ({
  readAround: () => ({ text: 'at the cursor', source: { label: 'a', uri: 'file:///a', offset: 0 } }),
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('waits for what is traced aside, which another run would end', async () => {
  const inspected: string[] = [];
  const insights = { isTracingAside: true };
  const follower = new Follower({
    session: {
      state: { status: { kind: 'idle' }, trace: null, source: null },
      lastInspection: null,
      inspect: ({ text }: Inspection) => {
        inspected.push(text);
        return Promise.resolve(null);
      },
    } as never,
    insights,
    editors: { current: {} as never },
    sidebar: { visible: true, onDidBecomeVisible: () => ({ dispose: () => undefined }) },
    isOn: () => true,
    log: memoryLog(),
  });
  moved.forEach((listener) => listener());
  await vi.advanceTimersByTimeAsync(5000);
  expect(inspected).toEqual([]);
  insights.isTracingAside = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(inspected).toEqual(['at the cursor']);
  follower.dispose();
});
