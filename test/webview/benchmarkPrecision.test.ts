/** The choice of a precision: where there is one, what it shows, and what stays as it is. */
import fs from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readResult } from '../../extension/benchmark/resultFile';
import type { BenchmarkResult } from '../../extension/protocol';
import { referenceLines, rooflineOf } from '../../webview/benchmark/series';
import { openBenchmark, type BenchmarkPage } from './support/benchmarkPage';
import { sampleBenchmark } from './support/sampleBenchmark';

const read = (file: string): BenchmarkResult => readResult(fs.readFileSync(file, 'utf8'), file);
/** 22 engines on 5 batches, half in fp32, half in bf16. */
const gpu = (): BenchmarkResult => read('docs/benchmarks/results/gpu-h200.fffbench');

afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock('../../webview/picture');
});

const pick = async (page: BenchmarkPage, label: string): Promise<void> => {
  [...page.find('precision').querySelectorAll('button')].find(({ textContent }) => textContent === label)!.click();
  await page.settle();
};
const legend = (): (string | undefined)[] =>
  [...document.querySelectorAll<HTMLElement>('#ratio .legend [data-engine]')].map(({ dataset }) => dataset['engine']);
const lines = (): (string | null)[] =>
  [...document.querySelectorAll('#ratio .line-label')].map(({ textContent }) => textContent);
const caption = (figure: string): string => document.querySelector(`#${figure} .caption`)?.textContent ?? '';
const tableRows = (figure: string): string[] =>
  [...document.querySelectorAll(`#${figure} tbody tr`)].map((row) => row.firstElementChild?.textContent ?? '');
const isBf16 = (name: string | undefined): boolean => name?.includes(' bf16 ') === true;

describe('a result of more engines than a picture holds, in several precisions', () => {
  it('begins with one precision, and says what that leaves out', async () => {
    const page = await openBenchmark(sampleBenchmark(gpu()));
    expect(page.find('precision').hidden).toBe(false);
    expect([...page.find('precision').querySelectorAll('button')].map(({ textContent }) => textContent)).toEqual([
      'All',
      'fp32',
      'bf16',
    ]);
    expect(page.find('precision').dataset['value']).toBe('fp32');
    expect(legend()).toHaveLength(11);
    expect(legend().some(isBf16)).toBe(false);
    for (const figure of ['ratio', 'samples', 'growth']) {
      expect(caption(figure)).toMatch(/ Only fp32 is shown, 11 of 22 engines; choose others under Precision\.$/);
    }
    // What is said of the whole result is of all of it.
    expect(page.find('headline').textContent).toMatch(/in fp32 and .* in bf16/);
    expect(page.find('badge-verified').textContent).toContain('110 of 110 rows');
  });

  it('shows the chosen one in chart, legend, samples, laws and all their tables, and remembers it', async () => {
    const page = await openBenchmark(sampleBenchmark(gpu()));
    await pick(page, 'bf16');
    expect(page.saved).toMatchObject({ precision: 'bf16' });
    expect(legend()).toHaveLength(11);
    expect(legend().every(isBf16)).toBe(true);
    expect(page.all('ratio-point').every(({ dataset }) => isBf16(dataset['engine']))).toBe(true);
    expect(page.all('strip').map(({ dataset }) => isBf16(dataset['name']))).toEqual(Array(11).fill(true));
    expect(page.all('law')).toHaveLength(11);
    for (const [figure, rows] of [
      ['ratio', 55],
      ['samples', 11],
      ['growth', 55],
    ] as const) {
      await page.click(`table-${figure}`);
      expect(tableRows(figure)).toHaveLength(rows);
      expect(tableRows(figure).every(isBf16)).toBe(true);
    }
    expect(document.querySelector('#ratio caption')?.textContent).toBe('PyTorch on a GPU, bf16');
    // A row leads to its own cell, not to that of the row as many lines down in the whole result.
    document.querySelectorAll<HTMLElement>('#ratio tbody tr')[11]!.click();
    await page.settle();
    expect(page.find('cell').dataset['value']).toBe('768|12|16|1|spread|warm|');

    const again = await openBenchmark(sampleBenchmark(gpu()), { precision: 'bf16' });
    expect(again.find('precision').dataset['value']).toBe('bf16');
    expect(legend().every(isBf16)).toBe(true);
    await pick(again, 'All');
    expect(again.saved).toMatchObject({ precision: 'all' });
    expect(legend()).toHaveLength(22);
    expect(caption('ratio')).not.toContain('Only');
  });

  it.each(['fp32', 'bf16'])(
    'keeps the baseline of %s right: its own best dense layer, and its own roofline',
    async (p) => {
      const result = gpu();
      const page = await openBenchmark(sampleBenchmark(result), { precision: p });
      const best = page.all('strip').filter(({ dataset }) => dataset['verdict'] === 'reference');
      expect(best.map(({ dataset }) => dataset['engine'])).toEqual(['dense-twin']);
      expect(isBf16(best[0]!.dataset['name'])).toBe(p === 'bf16');
      // Ratio times time is the time of the layer it is a ratio to.
      const dense = Number(best[0]!.dataset['median']);
      const rows = result.rows.filter(({ precision, batch }) => precision === p && batch === 16384);
      expect(rows).toHaveLength(11);
      for (const { microsecondsPerToken, ratioToBestDense } of rows) {
        const ratio = dense / microsecondsPerToken.median;
        expect(ratio / ratioToBestDense!.median).toBeGreaterThan(0.97);
        expect(ratio / ratioToBestDense!.median).toBeLessThan(1.03);
      }
      expect(lines()).toContain(`${p} roofline of this run`);
      const roofline = new Map(rooflineOf(result.rows, 'batch', 'dense', p).map(({ x, y }) => [x, y]));
      expect(roofline.size).toBe(5);
      const reached = result.rows.filter(({ engine, precision }) => engine === 'fff' && precision === p);
      for (const { batch, ratioToBestDense } of reached) {
        expect(roofline.get(batch)).toBeGreaterThanOrEqual(ratioToBestDense!.median * 0.97);
      }
      expect(caption('ratio')).toContain('dense layer of the engine’s own precision');
      page.find('against').querySelectorAll('button')[1]!.click();
      await page.settle();
      expect(lines()).toContain('40× the paper’s');
      expect(caption('ratio')).toContain('layer of 3072 neurons of the engine’s own precision');
      expect(caption('ratio')).toContain('the counterpart of the paper’s 40×.');
    },
  );

  it('gives an engine the same look whatever is chosen', async () => {
    const page = await openBenchmark(sampleBenchmark(gpu()), { precision: 'bf16' });
    const look = (): string =>
      document.querySelector('#ratio .legend [data-engine^="fff bf16 (Triton"] svg')!.outerHTML;
    const alone = look();
    await pick(page, 'All');
    expect(look()).toBe(alone);
  });

  it('is chosen by keyboard: Tab reaches the taken one, arrows take another', async () => {
    const page = await openBenchmark(sampleBenchmark(gpu()));
    const press = async (key: string): Promise<void> => {
      document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      await page.settle();
    };
    const reachable = [...page.find('precision').querySelectorAll<HTMLElement>('button')].filter(
      ({ tabIndex }) => tabIndex === 0,
    );
    expect(reachable.map(({ textContent }) => textContent)).toEqual(['fp32']);
    reachable[0]!.focus();
    await press('ArrowRight');
    expect([page.find('precision').dataset['value'], document.activeElement?.textContent]).toEqual(['bf16', 'bf16']);
    await press('ArrowDown');
    expect([page.find('precision').dataset['value'], document.activeElement?.textContent]).toEqual(['all', 'All']);
    await press('ArrowLeft');
    expect(page.find('precision').dataset['value']).toBe('bf16');
    await press('x');
    expect(page.find('precision').dataset['value']).toBe('bf16');
    expect(document.activeElement?.getAttribute('tabindex')).toBe('0');
  });

  it('saves the picture that is shown, and names it so', async () => {
    vi.doMock('../../webview/picture', () => ({
      pictureOf: (body: Element, title: string) => ({
        svg: `${title}: ${body.querySelectorAll('.series').length} series, ${body.querySelectorAll('.legend li[data-engine]').length} names`,
        width: 1,
        height: 1,
      }),
      pngOf: () => Promise.resolve(new Uint8Array(1)),
    }));
    const page = await openBenchmark(sampleBenchmark(gpu()));
    await page.click('save-ratio');
    await pick(page, 'All');
    await page.click('save-ratio');
    const saved = page.calls.filter(({ method }) => method === 'exportPicture').map(({ parameters }) => parameters[0]);
    expect(saved).toMatchObject([
      { name: 'PyTorch on a GPU ratio fp32', svg: 'FFF against dense, fp32: 11 series, 11 names' },
      { name: 'PyTorch on a GPU ratio', svg: 'FFF against dense: 22 series, 22 names' },
    ]);
    await page.click('table-ratio');
    expect(page.find('save-ratio').hidden).toBe(true);
  });

  it('forgets a chosen cell that was not measured in the chosen precision', async () => {
    const result = gpu();
    result.rows = result.rows.filter(({ precision, batch }) => precision === 'fp32' || batch < 1024);
    result.samples = [];
    const page = await openBenchmark(sampleBenchmark(result), { cell: '768|12|16384|1|spread|warm|' });
    expect(page.find('cell').dataset['value']).toBe('768|12|16384|1|spread|warm|');
    await pick(page, 'bf16');
    expect(page.find('cell').dataset['value']).toBe('768|12|128|1|spread|warm|');
    expect(page.all('strip')).toHaveLength(11);
  });
});

describe('a result that can be read whole', () => {
  it('shows all of its precisions at first', async () => {
    const page = await openBenchmark(sampleBenchmark(read('test/fixtures/benchmark/pytorch-cpu.fffbench')));
    expect(page.find('precision').dataset['value']).toBe('all');
    expect(page.all('strip')).toHaveLength(10);
    expect(lines()).toContain('fp32 roofline of this run');
    await pick(page, 'bf16');
    expect(page.all('strip')).toHaveLength(5);
  });

  it('offers no choice where every precision is compared with fp32, whatever was chosen elsewhere', async () => {
    const page = await openBenchmark(sampleBenchmark(), { precision: 'bf16' });
    expect(page.find('precision').hidden).toBe(true);
    expect(page.all('strip').map(({ dataset }) => dataset['name'])).toContain('fff exact-low (avx512)');
    expect(page.all('strip')).toHaveLength(5);
    expect(lines()).toContain('roofline of this run');
    expect(caption('ratio')).toMatch(/^Time of the fastest verified dense layer with as many neurons/);
    expect(page.find('against').querySelector('button')!.title).toContain('Against the fastest fp32 layer');
    await page.emit('shown', { ...sampleBenchmark(gpu()).shown! });
    expect(page.find('precision').hidden).toBe(false);
    expect(page.find('precision').dataset['value']).toBe('bf16');
    expect(page.find('against').querySelector('button')!.title).toContain('layer of the same precision');
  });

  it('offers none either where all is in one other precision', async () => {
    const result = gpu();
    result.rows = result.rows.filter(({ precision }) => precision === 'bf16');
    result.samples = [];
    const page = await openBenchmark(sampleBenchmark(result));
    expect(page.find('precision').hidden).toBe(true);
    expect(page.all('strip')).toHaveLength(11);
    expect(lines()).toContain('roofline of this run');
  });

  it('has engines that no dense layer of their own stands beside with those of fp32', async () => {
    const result = gpu();
    const [row] = result.rows;
    result.rows.push({ ...row!, precision: 'exact-low' });
    const page = await openBenchmark(sampleBenchmark(result));
    expect(legend()).toContain('fff exact-low (PyTorch grouped)');
    await pick(page, 'bf16');
    expect(legend()).not.toContain('fff exact-low (PyTorch grouped)');
  });
});

describe('the lines of the ratio chart in one of several precisions', () => {
  it('say the paper’s factor for PyTorch although its form was left out in that precision', () => {
    const { rows } = gpu();
    const others = rows.filter(({ engine, precision }) => precision === 'bf16' && engine !== 'paper-fff-torch');
    const paper = referenceLines(others, 'batch', '3072', { engines: rows }).find(({ key }) => key === 'paper');
    expect(paper?.label).toBe('40× the paper’s');
  });
});
