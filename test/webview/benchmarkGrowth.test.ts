/** Growth laws in the panel: made-up times that follow known laws come out as those laws, in words and in the picture. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BenchmarkResult } from '../../extension/protocol';
import { growthViews, type GrowthView } from '../../webview/benchmark/growth';
import { draw } from '../../webview/charts/benchmarkGrowth';
import { openBenchmark } from './support/benchmarkPage';
import { container, lightTheme } from './support/page';
import { sampleBenchmark, sampleResult, type SampleOptions } from './support/sampleBenchmark';

afterEach(() => {
  document.body.replaceChildren();
});

const OPTIONS = { theme: lightTheme, fallbackWidth: 800 };
const DEPTHS = [7, 8, 9, 10, 11];

/** A result whose calls take what a law says, in microseconds. */
function following(
  options: SampleOptions,
  law: (row: BenchmarkResult['rows'][number]) => number,
): BenchmarkResult['rows'] {
  return sampleResult(options).rows.map((row) => ({
    ...row,
    microsecondsPerToken: { median: law(row) / row.batch, p5: 0, p95: 0 },
  }));
}

const line = (view: GrowthView, name: string) => view.lines.find((candidate) => candidate.name === name)!;

describe('growth laws in words', () => {
  it('tell a tree by its levels and a dense layer by its neurons', () => {
    const rows = following({ depths: DEPTHS, batches: [1] }, ({ engine, levels, nodes }) =>
      engine === 'fff' ? 0.5 + 0.25 * levels : 0.02 * nodes,
    );
    const views = growthViews(rows);
    expect(views.map(({ label, size }) => [label, size])).toEqual([['Levels', 'levels']]);
    expect(line(views[0]!, 'fff (avx512)').sentence).toBe(
      'each level adds 250 ns to a call; from 8 to 12 levels the neurons grow 16.0× and a call takes 1.40× the time (R² 1.000).',
    );
    expect(line(views[0]!, 'dense-twin (onnxruntime)').sentence).toBe(
      'twice the neurons take 2.00× the time; 4,095 neurons take 16.1× the time of 255 (R² 1.000).',
    );
    // Both laws lie on the levels' axis, and go through the points.
    for (const { points, law } of views[0]!.lines) {
      expect(points.map(({ x }) => Math.round(x))).toEqual([8, 9, 10, 11, 12]);
      expect(law[0]!.microseconds / points[0]!.microseconds).toBeCloseTo(1, 6);
      expect(law.at(-1)!.microseconds / points.at(-1)!.microseconds).toBeCloseTo(1, 6);
    }
  });

  it('tell a batch by what a call and what a token costs', () => {
    const rows = following({ batches: [1, 16, 128, 1024] }, ({ batch }) => 0.5 + 2.9 * batch);
    const [view] = growthViews(rows);
    expect(view!.label).toBe('Batch');
    expect(view!.lines[0]!.sentence).toBe('a call costs 500 ns and 2.90 µs for each token (R² 1.000).');
  });

  it('tell threads by what doubling them does', () => {
    const rows = following({ batches: [128], threads: [1, 2, 4, 8] }, ({ threads }) => 100 * threads ** -0.8);
    const [view] = growthViews(rows);
    expect(view!.lines[0]!.sentence).toBe(
      'twice the threads take 0.57× the time, where a perfect split would take 0.50× (R² 1.000).',
    );
  });

  it('keep sweeps at other sizes apart, and name what they are held at', () => {
    const rows = following({ depths: DEPTHS, batches: [1, 128] }, ({ levels, batch }) => levels * batch);
    expect(growthViews(rows).map(({ label }) => label)).toEqual(['Levels, batch 1', 'Levels, batch 128']);
  });

  it('say where no law fits, where nothing grows, and nothing where there are too few sizes', () => {
    let odd = 0;
    const jagged = following({ batches: [1, 16, 128, 1024] }, () => (odd++ % 10 < 5 ? 1 : 50));
    expect(growthViews(jagged)[0]!.lines[0]).toMatchObject({
      sentence: expect.stringMatching(/^no simple law fits these times \(R² −?\d\.\d{3}\)\.$/) as string,
      law: [],
    });
    const rough = following(
      { batches: [1, 2, 4, 8, 16], depths: [11] },
      ({ batch }) => batch * (batch % 3 === 1 ? 1 : 3),
    );
    expect(growthViews(rough)[0]!.lines[0]!.sentence).toMatch(/token; no simple law fits well \(R² 0\.\d{3}\)\.$/);
    const falling = following({ batches: [1, 16, 128, 1024] }, ({ batch }) => 10 - batch / 1000);
    expect(growthViews(falling)[0]!.lines[0]!.sentence).toBe('the time does not grow with the batch here (R² 1.000).');
    expect(growthViews(sampleResult({ batches: [1, 16, 128] }).rows)).toEqual([]);
  });
});

describe('the picture of growth', () => {
  it('draws each engine’s medians on its law, and the words below', () => {
    const rows = following({ depths: DEPTHS, batches: [1] }, ({ engine, levels, nodes }) =>
      engine === 'fff' ? levels : nodes,
    );
    const [view] = growthViews(rows);
    const root = container();
    draw(root, { view: view!, engines: [] }, OPTIONS);
    expect(root.querySelectorAll('.series')).toHaveLength(5);
    expect(root.querySelectorAll('.series[data-engine="fff (avx512)"] .mark')).toHaveLength(5);
    expect(root.querySelectorAll('[data-testid="law"]')).toHaveLength(5);
    const height = (name: string, x: string): number => {
      const mark = root.querySelector(`.series[data-engine="${name}"] .mark[data-x="${x}"]`)!;
      return Number(/,([\d.]+)\)/.exec(mark.getAttribute('transform') ?? '')![1]);
    };
    // Higher up is slower: the dense layer climbs much faster than the tree.
    const climb = (name: string): number => height(name, '8') - height(name, '12');
    expect(climb('fff (avx512)')).toBeGreaterThan(0);
    expect(climb('dense-twin (onnxruntime)')).toBeGreaterThan(4 * climb('fff (avx512)'));
    expect(root.querySelector('svg[role="img"]')?.getAttribute('aria-label')).toContain('levels of the tree');
  });

  it('is a figure of the page where there is a sweep, with a choice and a table twin', async () => {
    const page = await openBenchmark(sampleBenchmark(sampleResult({ batches: [1, 128], depths: DEPTHS })));
    const figure = document.querySelector<HTMLElement>('#growth')!;
    expect(figure.hidden).toBe(false);
    const options = [...figure.querySelectorAll('[data-testid="growth"] option')].map(({ textContent }) => textContent);
    expect(options).toEqual(['Levels, batch 1', 'Levels, batch 128']);
    await page.click('table-growth');
    expect(figure.querySelectorAll('tbody tr')).toHaveLength(25);
    expect(figure.querySelector('tbody tr')?.lastElementChild?.textContent).toMatch(/R²/);
  });

  it('is not there without one', async () => {
    await openBenchmark(sampleBenchmark(sampleResult({ batches: [1, 16] })));
    expect(document.querySelector<HTMLElement>('#growth')!.hidden).toBe(true);
  });
});
