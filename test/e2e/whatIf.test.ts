/**
 * What if: decisions flipped and nodes silenced by keyboard, by double click and from the sidebar, and what the views
 * then show, compared with the same changes made without an editor.
 */
import type { Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Intervention, Trace, WhatIfResult } from '../../extension/protocol';
import { focusFile, inspectText, lookAt, shown, viewFrame } from './explorer';
import { changedPath, pathOf, Reference } from './reference';
import { Workbench } from './workbench';

const TEXT = 'for (let i = 0; i < array.<mask>; i++) { total += array[i]; }';
const FILE = 'loop.txt';

describe('What if in a real VS Code', () => {
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
      files: { [FILE]: `${TEXT}\n` },
      settings: { 'fffExplorer.measure.budgetMsPerLayer': 0, 'editor.minimap.enabled': false },
    });
    await workbench.openFile(FILE);
    frame = await inspectText(workbench, FILE, TEXT);
  });

  afterEach(async ({ task }) => {
    await workbench.screenshotOfFailure(task);
    await focusFile(workbench, FILE);
    await workbench.runCommand('FFF Explorer: Clear What-If Changes');
    await expect.poll(() => listed()).toEqual([]);
  });

  afterAll(async () => {
    await workbench.close();
    await reference.dispose();
  });

  /** Walks down the path by keyboard to the node of a level. */
  async function pinAtLevel(layer: number, level: number, token = mask): Promise<number> {
    for (let step = 0; step <= level; step++) {
      await workbench.page.keyboard.press('Shift+ArrowDown');
    }
    const node = pathOf(trace, layer, token)[level]!;
    await frame.locator(`[data-testid="spine"] .step.pinned[data-node="${node}"]`).waitFor();
    return node;
  }

  const at = (layer: number, node: number, kind: Intervention['kind'], token: number | null = mask): Intervention => ({
    ...{ layer, tree: 0, node, token, kind },
  });

  function listed(view: Frame = frame): Promise<string[]> {
    return view
      .locator('[data-testid="intervention"]')
      .evaluateAll((rows) => rows.map((row) => `${row.getAttribute('data-kind')} ${row.getAttribute('data-node')}`));
  }

  /** Everything the panel says about the effect is what the same changes do without an editor. */
  async function expectEffect(interventions: Intervention[], layer: number): Promise<WhatIfResult> {
    const expected = await reference.whatIf(interventions, [mask]);
    await expect.poll(() => listed()).toEqual(interventions.map(({ kind, node }) => `${kind} ${node}`));
    const effects = await frame
      .locator('[data-testid="intervention"] .number')
      .evaluateAll((cells) => cells.map(({ textContent }) => textContent));
    const sentences = ['no token comes by: no effect', '1 visit'];
    expect(effects).toEqual([...expected.visits].map((visits) => sentences[visits] ?? `${visits} visits`));
    const [prediction] = expected.predictions;
    const change = frame.locator(`[data-testid="prediction-change"][data-index="${mask}"]`);
    expect(Number(await change.getAttribute('data-kl'))).toBeCloseTo(prediction!.klDivergenceNats, 4);
    for (const [side, words] of [
      ['before', prediction!.baseline],
      ['after', prediction!.changed],
    ] as const) {
      const drawn = await change
        .locator(`.words.${side} li`)
        .evaluateAll((rows) =>
          rows.map((row) => [row.getAttribute('data-text'), Number(row.getAttribute('data-probability'))] as const),
        );
      expect(drawn.map(([text]) => text)).toEqual(words.map(({ text }) => text));
      drawn.forEach(([, probability], rank) => expect(probability).toBeCloseTo(words[rank]!.probability, 4));
    }
    const counts = expected.layers.map((changes) => new Set(changes!.tokens).size);
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(await shown(frame, 'what-if', 'changed-paths')).toBe(String(total));
    if (total > 0) {
      const drawn = await frame
        .locator('[data-testid="what-if-paths"] button')
        .evaluateAll((buttons) => buttons.map((button) => Number(button.getAttribute('data-count'))));
      expect(drawn).toEqual(counts);
    }
    await expect.poll(() => shown(frame, 'navigator', 'changed')).toBe(String(total));
    const path = changedPath(expected, layer, mask);
    expect(await shown(frame, 'tree-map', 'changed-path')).toBe(path?.join(',') ?? '');
    return expected;
  }

  it('flips a decision by keyboard, shows the new path, words and later paths, and undoes it', async () => {
    await lookAt(frame, 0, mask);
    const before = await frame.locator('#navigator .caption').textContent();
    expect(before).not.toContain('cut corner');
    const node = await pinAtLevel(0, 1);
    await workbench.page.keyboard.press('f');
    const expected = await expectEffect([at(0, node, 'flip')], 0);
    // The other child of the same node, and then on from there.
    const [old, path] = [pathOf(trace, 0, mask), changedPath(expected, 0, mask)!];
    expect(path.slice(0, 2)).toEqual(old.slice(0, 2));
    expect(path[2]).toBe(old[2]! % 2 === 1 ? old[2]! + 1 : old[2]! - 1);
    expect(expected.predictions[0]!.klDivergenceNats).toBeGreaterThan(0);
    expect(await shown(frame, 'intervention-mark', 'node')).toBe(String(node));
    expect(await frame.locator('[data-testid="intervention"]').innerText()).toContain(
      `Flip node ${node} of layer 0 for “<mask>” (token ${mask})`,
    );
    expect(await frame.locator('#navigator .caption').textContent()).toContain('cut corner');
    await workbench.screenshot('what-if-flip');

    await frame.locator('[data-testid="spine"]').click({ position: { x: 5, y: 5 } });
    await workbench.page.keyboard.press('u');
    await expect.poll(() => listed()).toEqual([]);
    await expect.poll(() => shown(frame, 'tree-map', 'changed-path')).toBe('');
    await expect.poll(() => shown(frame, 'navigator', 'changed')).toBe('0');
    expect(await frame.locator('[data-testid="intervention-mark"]').count()).toBe(0);
    expect(await frame.locator('#navigator .caption').textContent()).toBe(before);
  });

  it('answers keys that can do nothing in one line', async () => {
    await lookAt(frame, 0, mask);
    const hint = frame.locator('[data-testid="hint"][role="status"]');
    await workbench.page.keyboard.press('f');
    await expect.poll(() => hint.textContent()).toContain('No node is pinned.');
    await workbench.page.keyboard.press('u');
    await expect.poll(() => hint.textContent()).toBe('There is no change to undo.');
    await workbench.page.keyboard.press('ArrowRight');
    await expect.poll(() => hint.textContent()).toBe('');
    expect(await listed()).toEqual([]);
  });

  it('flips by double click, in the path and in the tree, and runs two changes at once', async () => {
    await lookAt(frame, 1, mask);
    const path = pathOf(trace, 1, mask);
    await frame.locator(`[data-testid="spine"] [data-node="${path[2]}"] .hit`).dblclick();
    const first = at(1, path[2]!, 'flip');
    await expectEffect([first], 1);
    // The root is the whole top row.
    await frame.locator('[data-testid="tree-map"] .overlay').dblclick({ position: { x: 40, y: 8 } });
    const both = [first, at(1, 0, 'flip')];
    const expected = await expectEffect(both, 1);
    // The first change is no longer on the path, and says so.
    expect([...expected.visits]).toEqual([0, 1]);
    const marks = frame.locator('[data-testid="tree-map"] [data-testid="intervention-mark"]');
    expect(await marks.evaluateAll((all) => all.map((mark) => mark.getAttribute('data-node')))).toEqual([
      ...[String(path[2]), '0'],
    ]);
    await workbench.screenshot('what-if-two');
    await frame.locator('[data-testid="intervention"] .remove[data-index="0"]').click();
    await expectEffect([both[1]!], 1);
    await frame.locator('[data-testid="what-if-clear"]').click();
    await expect.poll(() => listed()).toEqual([]);
  });

  it('silences a node for one token, which keeps its path there', async () => {
    await lookAt(frame, 2, mask);
    const logits = Array.from(trace.layers[2]!.logits.subarray(mask * 12, mask * 12 + 12));
    // A node that says something: GELU leaves next to nothing of a logit far below 0, and silencing that changes nothing.
    const loudest = logits.indexOf(Math.max(...logits));
    const node = await pinAtLevel(2, loudest);
    await workbench.page.keyboard.press('s');
    const expected = await expectEffect([at(2, node, 'silence')], 2);
    expect(changedPath(expected, 2, mask)).toBeNull();
    expect(expected.predictions[0]!.klDivergenceNats).toBeGreaterThan(0);
    expect(await frame.locator('[data-testid="intervention-mark"] text').textContent()).toBe('∅');
  });

  it('changes a node for all tokens that visit it', async () => {
    await lookAt(frame, 0, mask);
    await pinAtLevel(0, 0);
    await workbench.page.keyboard.press('s');
    await expect.poll(() => listed()).toEqual(['silence 0']);
    await frame.locator('[data-testid="what-if-clear"]').click();
    await expect.poll(() => listed()).toEqual([]);
    await frame.locator('[data-testid="what-if-scope"] button', { hasText: 'All tokens' }).click();
    await frame.locator('[data-testid="spine"] [data-node="0"] .hit').dblclick();
    const expected = await expectEffect([at(0, 0, 'flip', null)], 0);
    expect([...expected.visits]).toEqual([trace.tokens.length]);
    expect(new Set(expected.layers[0]!.tokens).size).toBe(trace.tokens.length);
    await frame.locator('[data-testid="what-if-scope"] button', { hasText: 'This token' }).click();
  });

  it('marks changes in the node-link form too, beside the node and not on it', async () => {
    await lookAt(frame, 0, mask);
    await workbench.page.keyboard.press('2');
    const tree = frame.locator('[data-testid="node-link"]');
    await tree.waitFor();
    const path = pathOf(trace, 0, mask);
    expect(await tree.getAttribute('data-path')).toBe(path.join(','));
    const node = await pinAtLevel(0, 3);
    await workbench.page.keyboard.press('f');
    const changed = changedPath(await reference.whatIf([at(0, node, 'flip')], [mask]), 0, mask)!;
    await expect.poll(() => tree.getAttribute('data-changed-path')).toBe(changed.join(','));
    const mark = tree.locator('[data-testid="intervention-mark"]');
    expect(await mark.getAttribute('data-node')).toBe(String(node));
    const curve = (await tree.locator('[data-testid="changed-path"]').getAttribute('d')) ?? '';
    expect(curve.match(/M/g)).toHaveLength(changed.length - 1);
    const discs = await tree.evaluate((root) => {
      const centre = (one: Element) => ({ x: Number(one.getAttribute('cx')), y: Number(one.getAttribute('cy')) });
      const badge = centre(root.querySelector('.intervention circle')!);
      const stops = [...root.querySelectorAll('.path-dot, .station circle')];
      return stops
        .filter((dot) => dot.closest('.changed-stops') === null)
        .map((dot) => {
          const { x, y } = centre(dot);
          return Math.hypot(x - badge.x, y - badge.y);
        });
    });
    expect(discs).toHaveLength(path.length);
    // Its own radius and that of a node with a number.
    expect(discs[3]).toBeGreaterThan(7.5 + 11);
    await workbench.screenshot('what-if-node-link');
    await workbench.page.keyboard.press('1');
    await expect.poll(() => shown(frame, 'tree-map', 'changed-path')).toBe(changed.join(','));
  });

  it('lists the changes in the sidebar, where they can be made and taken back too', async () => {
    await lookAt(frame, 0, mask);
    const path = pathOf(trace, 0, mask);
    await workbench.runCommand('View: Show FFF Explorer');
    const sidebar = await viewFrame(workbench, 'sidebar');
    expect(await sidebar.locator('.what-if-section').isVisible()).toBe(false);
    await sidebar.locator(`[data-testid="spine"] [data-node="${path[1]}"] .hit`).dblclick();
    await expect.poll(() => listed(sidebar)).toEqual([`flip ${path[1]}`]);
    await expectEffect([at(0, path[1]!, 'flip')], 0);
    const kl = await frame.locator('[data-testid="prediction-change"]').first().getAttribute('data-kl');
    expect(await sidebar.locator('[data-testid="prediction-change"]').first().getAttribute('data-kl')).toBe(kl);
    await sidebar.locator(`[data-testid="spine"] [data-node="${path[4]}"] .hit`).click();
    await workbench.page.keyboard.press('s');
    const both = [`flip ${path[1]}`, `silence ${path[4]}`];
    await expect.poll(() => listed(sidebar)).toEqual(both);
    await expect.poll(() => listed()).toEqual(both);
    await workbench.screenshot('what-if-sidebar');
    await sidebar.locator('[data-testid="intervention"] .remove[data-index="0"]').click();
    await expect.poll(() => listed()).toEqual([both[1]]);
    await workbench.runCommand('FFF Explorer: Undo What-If Change');
    await expect.poll(() => listed(sidebar)).toEqual(both);
    await sidebar.locator('[data-testid="what-if-undo"]').click();
    await expect.poll(() => listed()).toEqual([both[0]]);
    await sidebar.locator('[data-testid="what-if-clear"]').click();
    await expect.poll(() => listed()).toEqual([]);
    await expect.poll(() => sidebar.locator('.what-if-section').isVisible()).toBe(false);
    await workbench.runCommand('View: Show Explorer');
  });

  it('stays within its own policy', () => {
    expect(workbench.foreignRequests).toEqual([]);
    expect(workbench.viewErrors).toEqual([]);
  });
});
