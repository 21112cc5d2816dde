/** Inspecting a selection, seen from inside the extension host: whatever was selected, the session says what came of it. */
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { pathToLeaf } from '../../extension/tree';
import { explorer, inspect, openAndSelect, traceOf, tracePanels, until } from './harness';

describe('Inspect Selection', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('yields a trace of exactly the selected text', async () => {
    const content = 'before\nconst size = array.<mask>;\nafter';
    await openAndSelect(content, 7, 33);
    await inspect();
    const trace = await traceOf('const size = array.<mask>;');
    assert.equal(trace.layers.length, trace.model.layers);
    for (const token of trace.tokens.filter(({ start, end }) => end > start)) {
      const written = trace.text.slice(token.start, token.end);
      assert.equal(token.text.replace(/^##/, ''), written);
    }
    const { session } = await explorer();
    assert.equal(session.state.status.kind, 'idle');
    assert.equal(session.state.source?.offset, 7);
    assert.match(session.state.source.label, /^Untitled-\d+:2$/);
  });

  it('routes every token down a tree, consistently with its logits', async () => {
    await openAndSelect('return items.length > 0;');
    await inspect();
    const { model, tokens, layers } = await traceOf('return items.length > 0;');
    assert.ok(model.feedforward.kind === 'fff');
    const { depth, trees } = model.feedforward;
    for (const layer of layers) {
      assert.ok(layer);
      assert.equal(layer.leaves.length, tokens.length * trees);
      assert.equal(layer.logits.length, tokens.length * trees * (depth + 1));
      layer.leaves.forEach((leaf, path) => {
        const nodes = pathToLeaf(leaf, depth);
        for (let level = 0; level < depth; level++) {
          const logit: number = layer.logits[path * (depth + 1) + level]!;
          assert.equal(nodes[level + 1], 2 * nodes[level]! + (logit > 0 ? 2 : 1));
        }
      });
    }
  });

  it('predicts the masked word, and looks at it first', async () => {
    await openAndSelect('for (let i = 0; i < array.<mask>; i++) {');
    await inspect();
    const trace = await traceOf('for (let i = 0; i < array.<mask>; i++) {');
    const [prediction] = trace.predictions;
    assert.equal(trace.tokens[prediction?.index ?? -1]?.text, '<mask>');
    assert.equal(prediction?.top[0]?.text, 'length');
    const { session } = await explorer();
    assert.equal(session.state.focus.token, prediction.index);
  });

  it('opens the trace panel, which paints, and then measures every layer', async () => {
    const { session } = await explorer();
    await openAndSelect('measure this');
    await inspect();
    const trace = await traceOf('measure this');
    await until('one trace panel', () => tracePanels() === 1);
    await until('the panel to say that it painted', () => session.latencies.at(-1)?.runId === trace.runId);
    await until('a timing of every layer', () => session.state.timings.length === trace.model.layers);
    for (const { fffMicroseconds, denseMicroseconds, verifiedMaxDifference } of session.state.timings) {
      assert.ok(fffMicroseconds.median > 0 && denseMicroseconds.median > 0);
      assert.ok(verifiedMaxDifference < 1e-3);
    }
  });

  it('takes the current line when nothing is selected, and says so', async () => {
    await openAndSelect('first line\nsecond line\n', 15, 15);
    await inspect();
    await traceOf('second line');
    const { session } = await explorer();
    assert.match(session.state.source?.label ?? '', /:2 \(whole line\)$/);
  });

  it('changes nothing for white space', async () => {
    await openAndSelect('kept');
    await inspect();
    const { session } = await explorer();
    const before = session.state;
    await openAndSelect(' \n\t\n ');
    await inspect();
    await openAndSelect('a\n\nb', 2, 2);
    await inspect();
    assert.deepEqual(session.state.status, { kind: 'idle' });
    assert.equal(session.state.trace, before.trace);
  });

  it('traces the first windows of a megabyte and announces the rest', async () => {
    const text = 'one more word '.repeat(75_000);
    await openAndSelect(text);
    await inspect();
    const trace = await traceOf(text);
    assert.equal(trace.windows.length, 64);
    assert.ok(trace.omittedWindows > 1000);
  });

  it('takes binary garbage and lone surrogates as text', async () => {
    for (const text of ['\u0001\u0002PK\u0003\u0004\ufffe\u001b[31m', 'a \ud83d b \ude00 c']) {
      const editor = await openAndSelect(text);
      await inspect();
      const { session } = await explorer();
      assert.equal(session.state.status.kind, 'idle');
      const trace = await traceOf(editor.document.getText());
      assert.ok(trace.tokens.every(({ start, end }) => start <= end && end <= trace.text.length));
    }
  });

  it('says why a text without tokens has no trace, and goes on', async () => {
    const { session } = await explorer();
    await openAndSelect('\ud800');
    await inspect();
    const { status } = session.state;
    assert.ok(status.kind === 'failed');
    assert.equal(status.error.code, 'BAD_INPUT');
    await openAndSelect('fine');
    await inspect();
    await traceOf('fine');
  });

  it('lets the next selection supersede a long one', async () => {
    const { session } = await explorer();
    await openAndSelect('far too long a text to wait for. '.repeat(2000));
    const long = inspect();
    await until('the long run to begin', () => session.state.status.kind === 'running');
    await openAndSelect('short');
    await inspect();
    await long;
    await traceOf('short');
    assert.equal(session.state.status.kind, 'idle');
  });

  it('stops on Cancel, and keeps the last trace', async () => {
    const { session } = await explorer();
    await openAndSelect('kept');
    await inspect();
    await openAndSelect('far too long a text to wait for. '.repeat(2000));
    // Cancelled from within the event that reports progress: on a busy machine a poll could come after the run's end.
    const cancelled = new Promise<unknown>((resolve) => {
      const listener = session.on('status', (status) => {
        if (status.kind === 'running' && status.done > 0) {
          listener.dispose();
          resolve(vscode.commands.executeCommand('fffExplorer.cancel'));
        }
      });
    });
    const long = inspect();
    await cancelled;
    assert.equal(session.state.status.kind, 'idle');
    await long;
    await traceOf('kept');
  });
});
