/**
 * Looking closer, in a real VS Code: the lens, the node card, near-boundary decisions, and where a mapped corpus reaches a
 * node. Compared with the same computed without an editor.
 */
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NearBoundary, Trace } from '../../extension/protocol';
import { focusFile, inspectText, lookAt, tableRows, twin, unfold } from './explorer';
import { DEPTH, inputWeights, NEVER, pathOf, Reference, WORDS } from './reference';
import { Workbench } from './workbench';

const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const FILE = 'loop.txt';
const NOTES = 'notes.txt';
const SENTENCES = [
  'The bank of the river is steep.',
  'Her bank lends money to farmers.',
  'We walked along the bank at night.',
];

describe('Looking closer in a real VS Code', () => {
  let workbench: Workbench;
  let reference: Reference;
  let trace: Trace;
  let frame: Frame;
  let mask: number;

  beforeAll(async () => {
    reference = await Reference.open();
    trace = await reference.trace(TEXT);
    mask = trace.predictions[0]!.index;
    workbench = await Workbench.start({
      files: { [FILE]: `${TEXT}\n`, [NOTES]: `${SENTENCES.join('\n')}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'editor.minimap.enabled': false },
    });
    await workbench.openFile(NOTES);
    await workbench.openFile(FILE);
    frame = await inspectText(workbench, FILE, TEXT);
  });

  afterEach(({ task }) => workbench.screenshotOfFailure(task));

  afterAll(async () => {
    await workbench.close();
    await reference.dispose();
  });

  it('shows what the model would say after each layer, and ends at its own prediction', async () => {
    await lookAt(frame, 0, mask);
    await unfold(frame, 'lens');
    const expected = await reference.tracer.insight.lens(
      { runId: reference.lastRunId, token: mask, top: WORDS },
      NEVER,
    );
    const rows = frame.locator(`[data-testid="lens"][data-token="${mask}"] [data-testid="lens-layer"]`);
    await expect.poll(() => rows.count()).toBe(4);
    const drawn = await rows.evaluateAll((all) =>
      all.map((row) => ({
        words: [...row.querySelectorAll('.guesses .guess')].map((guess) => guess.getAttribute('data-text')),
        entropy: Number(row.getAttribute('data-entropy')),
        rank: Number(row.getAttribute('data-rank')),
      })),
    );
    for (const [layer, { top, entropyBits, finalWordRank }] of expected.layers.entries()) {
      expect(drawn[layer]!.words).toEqual(top.slice(0, 3).map(({ text }) => text));
      expect(drawn[layer]!.entropy).toBeCloseTo(entropyBits, 3);
      expect(drawn[layer]!.rank).toBe(finalWordRank);
    }
    const own = trace.predictions[0]!.top;
    expect(drawn[3]!.words).toEqual(own.slice(0, 3).map(({ text }) => text));
    expect(drawn[0]!.words).not.toEqual(drawn[3]!.words);
    const read = await twin(frame, 'lens');
    expect(read).toHaveLength(4 * WORDS);
    expect(read.slice(-WORDS).map(([, , word]) => word)).toEqual(own.map(({ text }) => text));
    await rows.nth(2).locator('button').click();
    await frame.locator('.content[data-layer="2"]').waitFor();
    await workbench.screenshot('insight-lens');
  });

  it('shows of a node its weights, the nearest words and the tokens that reach it', async () => {
    await lookAt(frame, 1, mask);
    const node = pathOf(trace, 1, mask)[1]!;
    await unfold(frame, 'node');
    await frame.locator(`[data-testid="spine"] [data-node="${node}"] .hit`).click();
    const card = frame.locator(`[data-testid="node-card"][data-node="${node}"][data-layer="1"]`);
    await card.waitFor();
    const expected = await reference.tracer.insight.describeNode(
      { model: '', layer: 1, tree: 0, node, top: 12 },
      NEVER,
    );
    const weights = inputWeights(1, node);
    const input = card.locator('[data-testid="node-input"]');
    expect(Number(await input.getAttribute('data-norm'))).toBeCloseTo(Math.hypot(...weights), 4);
    const largest = weights.map(Math.abs).indexOf(Math.max(...weights.map(Math.abs)));
    expect(await input.locator('.components').textContent()).toMatch(new RegExp(`^${largest}:\\s`));
    for (const side of ['input', 'output'] as const) {
      for (const pole of ['along', 'against'] as const) {
        const words = card.locator(`[data-testid="node-${side}"] .${pole} li`);
        expect(await words.evaluateAll((all) => all.map((word) => word.getAttribute('data-text')))).toEqual(
          expected[side][pole].map(({ text }) => text),
        );
      }
    }
    const visitors = [...trace.tokens.keys()].filter((token) => pathOf(trace, 1, token)[1] === node);
    expect(await card.getAttribute('data-tokens')).toBe(visitors.join(','));
    const named = await card.locator('button.visitor').allTextContents();
    expect(named).toEqual(visitors.slice(0, 24).map((token) => trace.tokens[token]!.text));
    const read = await twin(frame, 'node');
    expect(read[0]).toEqual(['input', 'norm', '–', Math.hypot(...weights).toFixed(3)]);
    expect(read.filter(([what, which]) => what === 'visits' && which === 'token of this trace')).toHaveLength(
      visitors.length,
    );
    await workbench.screenshot('insight-node');
    await card.locator(`button.visitor[data-token="${visitors[0]}"]`).click();
    await frame.locator(`.content[data-token="${visitors[0]}"]`).waitFor();
  });

  it('lists the smallest margins, and which decisions turn with weights of 16 bits', async () => {
    const margins = trace.layers
      .flatMap((layer) => [...layer!.logits])
      .map((logit, at) => ({ margin: Math.abs(logit), leaf: at % (DEPTH + 1) === DEPTH }))
      .filter(({ leaf }) => !leaf)
      .map(({ margin }) => margin)
      .sort((one, other) => one - other);
    const plainRows = await tableRows(frame, 'boundary');
    expect(plainRows).toHaveLength(12);
    plainRows.forEach(([margin], row) => {
      // Scientific below a thousandth, three decimals else.
      const shownMargin = Number(margin!.replace('−', '-'));
      const slack = margin!.includes('e') ? 0.051 * margins[row]! + 1e-7 : 0.00051;
      expect(Math.abs(shownMargin - margins[row]!)).toBeLessThan(slack);
    });

    for (const precision of ['fp16', 'bf16'] as const) {
      await frame.locator('[data-testid="boundary-precision"] button', { hasText: precision }).click();
      const expected: NearBoundary = await reference.tracer.insight.nearBoundary(
        { runId: reference.lastRunId, precision, noise: 0 },
        NEVER,
      );
      const summary = frame.locator('[data-testid="boundary-summary"]');
      await expect
        .poll(() => summary.textContent())
        .toContain(
          `${expected.flippedByRounding} of ${expected.decisions.toLocaleString('en')} decisions flip with ${precision}`,
        );
      await frame.locator('[data-testid="figure-boundary"] table', { hasText: `With ${precision}` }).waitFor();
      const rows = await frame
        .locator('[data-testid="figure-boundary"] tbody tr[data-row]')
        .evaluateAll((all) =>
          all.slice(0, 30).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)),
        );
      expect(rows.map(([, word, layer, node]) => [word, layer, node])).toEqual(
        rows.map((_, row) => [
          trace.tokens[expected.tokens[row]!]!.text,
          String(expected.layers[row]),
          String(expected.nodes[row]),
        ]),
      );
      const order = [...expected.margins];
      expect(order).toEqual([...order].sort((one, other) => one - other));
      rows.forEach((cells, row) => expect(cells.at(-1)!.includes('flips')).toBe(expected.flips[row] === 1));
    }
    // With noise on top: which decisions it could turn.
    const noise = frame.locator('[data-testid="boundary-noise"] select');
    await noise.selectOption({ label: '5.0 %' });
    const disturbed = await reference.tracer.insight.nearBoundary(
      { runId: reference.lastRunId, precision: 'bf16', noise: 0.05 },
      NEVER,
    );
    expect(disturbed.flippableByNoise).toBeGreaterThan(0);
    await expect
      .poll(() => frame.locator('[data-testid="boundary-summary"]').textContent())
      .toContain(`A disturbance of 5.0 % could flip ${disturbed.flippableByNoise.toLocaleString('en')}.`);
    const verdicts = (await tableRows(frame, 'boundary')).map((cells) => cells.at(-1)!);
    verdicts.forEach((verdict, row) => {
      const turned = disturbed.flips[row] === 1 ? 'flips' : disturbed.margins[row]! <= 0.05 ? 'may flip' : 'stays';
      expect(verdict).toContain(turned);
    });
    await noise.selectOption({ label: 'none' });
    await workbench.screenshot('insight-boundary');
    // The model's file holds float16, so rounding to it changes nothing.
    await frame.locator('[data-testid="boundary-precision"] button', { hasText: 'fp16' }).click();
    await expect
      .poll(() => frame.locator('[data-testid="boundary-summary"]').textContent())
      .toMatch(/^0 of .* 0 paths change\.$/);
    const first = frame.locator('[data-testid="figure-boundary"] tbody tr[data-row="0"]');
    const [, , layer, node] = await first.locator('td').allTextContents();
    await first.click();
    await frame.locator(`.content[data-layer="${layer}"]`).waitFor();
    await frame.locator(`[data-testid="spine"] .pinned[data-node="${node}"]`).waitFor();
    await frame.locator('[data-testid="boundary-precision"] button', { hasText: 'fp32' }).click();
  });

  it('shows where the mapped corpus reaches a node', async () => {
    await focusFile(workbench, NOTES);
    await workbench.runCommand('FFF Explorer: Map Usage of File');
    await frame.locator('[data-testid="usage-about"]', { hasText: NOTES }).waitFor({ state: 'attached' });
    await lookAt(frame, 0, 0);
    await workbench.page.keyboard.press('Shift+ArrowDown');
    const corpus = frame.locator('[data-testid="node-card"][data-node="0"] [data-testid="node-corpus"]');
    await corpus.locator('[data-testid="usage-context"]').first().waitFor();
    const words = await corpus.locator('.corpus-words > li').evaluateAll((rows) =>
      rows.map((row) => {
        const place = row.querySelector('[data-testid="usage-context"]');
        return {
          text: row.getAttribute('data-text') ?? '',
          count: Number(row.getAttribute('data-count')),
          title: place?.getAttribute('title'),
          written: [...(place?.children ?? [])].slice(0, 3).map(({ textContent }) => textContent),
        };
      }),
    );
    const text = `${SENTENCES.join('\n')}\n`;
    const tokens = (await reference.trace(text)).tokens.filter(({ start, end }) => end > start);
    const counts = new Map<string, number>();
    tokens.forEach((token) => counts.set(token.text, (counts.get(token.text) ?? 0) + 1));
    const most = [...counts.values()].sort((one, other) => other - one);
    expect(words.map(({ count }) => count)).toEqual(most.slice(0, words.length));
    for (const { text: word, count, title, written } of words) {
      expect(counts.get(word)).toBe(count);
      // Where the token stands first, with the words around it, white space folded.
      const { start, end } = tokens.find((token) => token.text === word)!;
      expect(title).toBe(`${NOTES}, line ${text.slice(0, start).split('\n').length}`);
      const around = [text.slice(Math.max(0, start - 48), start), text.slice(start, end), text.slice(end, end + 48)];
      expect(written).toEqual(around.map((part) => part.replace(/\s+/g, ' ')));
    }
    await workbench.screenshot('insight-usage-contexts');
  });

  it('stays within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
