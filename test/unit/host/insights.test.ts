import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextsOf } from '../../../extension/contexts';
import { Insights } from '../../../extension/insight/insights';
import type { Intervention, WhatIfRequest } from '../../../extension/protocol';
import { Session } from '../../../extension/session';
import { FakeInsightRunner, FakeRunner, MODEL, memoryLog, traceOf, usageOf, whatIfOf } from './fakes';

const SOURCE = { label: 'a.ts:1', uri: 'file:///a.ts', offset: 0 };
const flip = (node: number): Intervention => ({ layer: 0, tree: 0, node, token: 1, kind: 'flip' });

describe('Insights', () => {
  let runner: FakeRunner;
  let insightRunner: FakeInsightRunner;
  let session: Session;
  let insights: Insights;

  beforeEach(() => {
    runner = new FakeRunner();
    insightRunner = new FakeInsightRunner();
    session = new Session({
      runner,
      settings: () => ({ modelDirectory: '/m', topPredictions: 3, measureBudgetMsPerLayer: 0 }),
      hasVisibleView: () => false,
      log: memoryLog(),
      now: () => performance.now(),
    });
    insights = new Insights({ session, runner: insightRunner, settings: () => ({ topPredictions: 3 }) });
  });

  afterEach(() => {
    insights.dispose();
    session.dispose();
  });

  async function traced(text: string, weightsHash = MODEL.weightsHash): Promise<number> {
    const done = session.inspect({ text, source: SOURCE });
    const { request, resolve } = runner.traces.at(-1)!;
    resolve({ ...traceOf(request.runId, text), model: { ...MODEL, weightsHash } });
    await done;
    return request.runId;
  }

  const tried = (): number[] => insights.state.whatIf.interventions.map(({ node }) => node);
  const setTo = (...nodes: number[]) => insights.setInterventions({ interventions: nodes.map(flip), positions: [1] });

  it('tries changes on the shown run, keeps them, and tells who made them', async () => {
    const runId = await traced('one two');
    const told: unknown[] = [];
    insights.on('interventions', ({ origin, whatIf }) => told.push([origin, whatIf.interventions.length]));
    const state = await insights.setInterventions({ interventions: [flip(1)], positions: [0, 2] }, 'panel');
    expect(state).toEqual({
      interventions: [flip(1)],
      result: whatIfOf({ runId, interventions: [flip(1)], positions: [0, 2], top: 3 }),
    });
    expect(insights.state.whatIf).toEqual(state);
    expect(told).toEqual([['panel', 1]]);
    expect(insightRunner.asked[0]?.request).toEqual({ runId, interventions: [flip(1)], positions: [0, 2], top: 3 });
  });

  it('undoes one step at a time, down to none, and asks nothing of the runner for none', async () => {
    await traced('one two');
    await setTo(1);
    await setTo(1, 2);
    await setTo(2);
    await insights.undoIntervention();
    expect(tried()).toEqual([1, 2]);
    await insights.undoIntervention();
    expect(tried()).toEqual([1]);
    const before = insightRunner.asked.length;
    await insights.undoIntervention();
    expect(insights.state.whatIf).toEqual({ interventions: [], result: null });
    expect(insightRunner.asked).toHaveLength(before);
    await expect(insights.undoIntervention()).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('lets newer changes supersede older ones, which are not adopted however late they answer', async () => {
    await traced('one two');
    const slow = setTo(1);
    const refused = expect(slow).rejects.toMatchObject({ code: 'CANCELLED' });
    await setTo(2);
    await refused;
    expect(insightRunner.asked[0]?.signal?.aborted).toBe(true);
    expect(tried()).toEqual([2]);
  });

  it('forgets changes and comparison with the next trace, and does not adopt a late answer', async () => {
    await traced('one two');
    await setTo(1);
    let answer: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (answer = resolve));
    Object.assign(insightRunner, { whatIf: (request: WhatIfRequest) => waiting.then(() => whatIfOf(request)) });
    const late = setTo(1, 2);
    const refused = expect(late).rejects.toMatchObject({ code: 'CANCELLED' });
    await traced('three');
    answer();
    await refused;
    expect(insights.state).toEqual({
      whatIf: { interventions: [], result: null },
      usage: null,
      compared: null,
      contexts: null,
    });
    await expect(insights.undoIntervention()).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('keeps the changes when trying others fails', async () => {
    await traced('one two');
    await setTo(1);
    Object.assign(insightRunner, { whatIf: () => Promise.reject(new Error('no')) });
    await expect(setTo(2)).rejects.toThrow('no');
    expect(tried()).toEqual([1]);
  });

  it('compares with the trace before, which is the first', async () => {
    expect(() => insights.compareWithPrevious()).toThrow('There is no earlier trace');
    await traced('one two');
    await traced('one two');
    expect(() => insights.compareWithPrevious()).toThrow('There is no earlier trace');
    await traced('one three two');
    insights.compareWithPrevious();
    const { compared } = insights.state;
    expect(compared?.trace.text).toBe('one two');
    expect([...compared!.comparison.pairs]).toEqual([0, 0, 1, 2, 2, 3]);
    expect([...compared!.comparison.onlySecond]).toEqual([1]);
    insights.endComparison();
    expect(insights.state.compared).toBeNull();
  });

  it('keeps a word’s contexts, whatever is traced next, until they are ended', async () => {
    await traced('one two');
    const told: (string | undefined)[] = [];
    insights.on('contexts', (contexts) => told.push(contexts?.word));
    const trace = session.state.trace!;
    insights.setContexts(contextsOf('one', [{ trace, source: SOURCE }], 3));
    await traced('three');
    expect(insights.state.contexts).toMatchObject({
      ...{ word: 'one', runId: trace.runId, depth: 2, omittedSentences: 3 },
      sentences: [{ text: 'one two', source: SOURCE }],
      occurrences: [{ trace: 0, tokens: [0], start: 0, end: 3 }],
    });
    insights.endContexts();
    expect(insights.state.contexts).toBeNull();
    expect(told).toEqual(['one', undefined]);
  });

  it('keeps the usage map for its model only', async () => {
    insights.setUsage(usageOf(4), 'docs', () => Promise.resolve(null));
    const notes: unknown[] = [];
    insights.on('usage', (note) => notes.push(note));
    await traced('one');
    expect(insights.state.usage).toEqual({ runId: 4, documents: 2, tokens: 4, label: 'docs' });
    await traced('one', 'another');
    expect(insights.state.usage).toBeNull();
    expect(insights.usage).toBeNull();
    expect(notes).toEqual([null]);
  });

  it('traces aside under a run number of its own', async () => {
    const shown = await traced('one');
    const tracing = insights.traceAside('/other', 'two');
    expect(insights.isTracingAside).toBe(true);
    const aside = await tracing;
    expect(insights.isTracingAside).toBe(false);
    expect(aside.runId).toBeGreaterThan(shown);
    expect(session.state.trace?.text).toBe('one');
    expect(insightRunner.asked.at(-1)?.request).toMatchObject({ model: '/other', input: { text: 'two' } });
  });
});
