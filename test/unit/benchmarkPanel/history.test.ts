import { describe, expect, it } from 'vitest';
import { History, KEPT_RESULTS } from '../../../extension/benchmark/history';
import { entryOf } from '../../../extension/benchmark/resultFile';
import { SAMPLE_CPU, sampleResult } from '../../webview/support/sampleBenchmark';
import { memoryLog } from '../host/fakes';
import { MemoryStorage } from './fakes';

const result = sampleResult({ batches: [1] });
const entry = (id: string) => entryOf(id, result, { kind: 'finished' }, SAMPLE_CPU);

describe('History', () => {
  it('reads back what was put in, the newest first', async () => {
    const storage = new MemoryStorage();
    const history = new History(storage, memoryLog());
    history.put(entry('a'), result);
    history.put(entry('b'), result);
    history.put(entry('a'), result);
    expect(history.entries.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await history.read('a')).toEqual(result);
    expect(storage.index.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('forgets the oldest beyond its limit, on disk too', async () => {
    const storage = new MemoryStorage();
    const history = new History(storage, memoryLog());
    for (let i = 0; i <= KEPT_RESULTS; i++) {
      history.put(entry(String(i)), result);
    }
    await history.settled();
    expect(history.entries).toHaveLength(KEPT_RESULTS);
    expect(storage.files.has('0')).toBe(false);
    expect(storage.files.has('1')).toBe(true);
  });

  it('says in one sentence that a stored result is gone or spoilt', async () => {
    const storage = new MemoryStorage();
    const history = new History(storage, memoryLog());
    history.put(entry('a'), result);
    await history.settled();
    storage.files.set('a', '{"format":');
    await expect(history.read('a')).rejects.toMatchObject({
      message: 'The stored result "Default" is damaged or was not written to its end.',
      action: 'Remove it from the history.',
    });
    storage.files.delete('a');
    await expect(history.read('a')).rejects.toThrow('The stored result "Default" cannot be read any more.');
    await expect(history.read('b')).rejects.toThrow('not in the history any more');
  });

  it('goes on, and logs, when the disk is full', async () => {
    const storage = new MemoryStorage();
    const log = memoryLog();
    const history = new History(storage, log);
    storage.broken = true;
    history.put(entry('a'), result);
    await history.settled();
    expect(log.lines.join()).toContain('ENOSPC');
    storage.broken = false;
    history.put(entry('b'), result);
    expect(await history.read('b')).toEqual(result);
  });
});
