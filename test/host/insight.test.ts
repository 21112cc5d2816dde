/** Looking closer, from inside the extension host: what-if, usage, comparisons, recorded traces, hover, follower. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { readTraceFile } from '../../extension/traceFile';
import { pathToLeaf } from '../../extension/tree';
import { explorer, inspect, openAndSelect, traceOf, until, withSetting } from './harness';

const run = (command: string, ...rest: unknown[]): Thenable<unknown> =>
  vscode.commands.executeCommand(`fffExplorer.${command}`, ...rest);

let asked = 0;

/** Text of a report, as whoever opens it reads it; the query is an address nobody has read yet. */
async function report(kind: 'Usage' | 'Comparison'): Promise<string> {
  const uri = vscode.Uri.parse(`fff-explorer-report:/${kind}.md?read${++asked}`);
  return (await vscode.workspace.openTextDocument(uri)).getText();
}

describe('Looking closer', () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-insight-'));
  });

  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeSidebar');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('flips a decision, undoes it, and clears all of them', async () => {
    const { insights } = await explorer();
    await openAndSelect('array.<mask> = 3;');
    await inspect();
    const trace = await traceOf('array.<mask> = 3;');
    const [mask] = trace.predictions;
    assert.ok(mask);
    const flip = { layer: 0, tree: 0, node: 0, token: mask.index, kind: 'flip' } as const;
    const { result } = await insights.setInterventions({ interventions: [flip], positions: [mask.index] });
    assert.ok(result);
    assert.deepEqual([...result.visits], [1]);
    assert.deepEqual([...(result.layers[0]?.tokens ?? [])], [mask.index]);
    assert.equal(result.layers[0]?.divergenceLevels[0], 1);
    const [change] = result.predictions;
    assert.equal(change?.baseline[0]?.text, mask.top[0]?.text);
    assert.ok(change && change.klDivergenceNats > 0);
    await run('undoIntervention');
    assert.deepEqual(insights.state.whatIf, { interventions: [], result: null });
    await insights.setInterventions({ interventions: [flip], positions: [] });
    await run('clearInterventions');
    assert.deepEqual(insights.state.whatIf, { interventions: [], result: null });
  });

  it('answers lens, card, norms and near boundary for the shown trace', async () => {
    const { insights } = await explorer();
    await openAndSelect('return array.<mask>;');
    await inspect();
    const { predictions, model, layers } = await traceOf('return array.<mask>;');
    const [mask] = predictions;
    assert.ok(mask && model.feedforward.kind === 'fff' && layers[1]);
    assert.deepEqual(
      (await insights.predictAt(mask.index)).map(({ id }) => id),
      mask.top.map(({ id }) => id),
    );
    assert.equal((await insights.lens(mask.index)).layers.length, model.layers);
    const leaf = pathToLeaf(layers[1].leaves[mask.index]!, model.feedforward.depth).at(-1)!;
    const card = await insights.describeNode({ layer: 1, tree: 0, node: leaf });
    assert.ok([...card.tokens].includes(mask.index));
    assert.equal((await insights.layerNorms(1)).inputNorms[leaf]?.toFixed(4), card.input.norm.toFixed(4));
    const { margins, decisions } = await insights.nearBoundary({ precision: 'bf16', noise: 0.01 });
    assert.equal(decisions, layers.length * (layers[1].leaves.length * model.feedforward.depth));
    assert.deepEqual(
      [...margins],
      [...margins].sort((one, other) => one - other),
    );
  });

  it('saves a trace and opens it again, exactly, in its own editor', async () => {
    const { session, insights } = await explorer();
    await openAndSelect('saved and opened <mask>');
    await inspect();
    const trace = await traceOf('saved and opened <mask>');
    await insights.setInterventions({
      interventions: [{ layer: 1, tree: 0, node: 0, token: null, kind: 'silence' }],
      positions: [1],
    });
    const file = vscode.Uri.file(path.join(folder, 'one.ffftrace'));
    await run('exportTrace', file);
    const saved = readTraceFile(fs.readFileSync(file.fsPath, 'utf8'), 'one');
    assert.deepEqual(saved.trace, trace);
    assert.deepEqual(saved.whatIf, insights.state.whatIf);
    await vscode.commands.executeCommand('vscode.open', file);
    await until('the editor', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input.viewType === 'fffExplorer.traceFile';
    });
    assert.equal(session.state.trace, trace);
  });

  it('maps a file and then its folder, reading only what it does not know', async () => {
    const { insights } = await explorer();
    const root = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(root);
    const inside = path.join(root.fsPath, 'mapped');
    fs.mkdirSync(path.join(inside, 'node_modules'), { recursive: true });
    try {
      fs.writeFileSync(path.join(inside, 'one.md'), 'The tree has a root. '.repeat(20));
      fs.writeFileSync(path.join(inside, 'two.txt'), 'Leaves decide nothing.');
      fs.writeFileSync(path.join(inside, 'three.bin'), Buffer.from([1, 0, 2]));
      fs.writeFileSync(path.join(inside, 'node_modules', 'no.md'), 'not mine');
      await run('mapFile', vscode.Uri.file(path.join(inside, 'one.md')));
      assert.match(
        await report('Usage'),
        /^# Usage of default by `mapped\/one\.md`\n\n1 text, 120 tokens; all of it was read\./,
      );
      await run('mapFolder', vscode.Uri.file(inside));
      assert.match(await report('Usage'), /2 texts, 125 tokens; 1 text was known and not read again\./);
      assert.match(await report('Usage'), /- `mapped\/three\.bin`: no text/);
      const { usage } = insights;
      assert.ok(usage);
      assert.deepEqual(
        usage.documents.map(({ name, fromCache }) => [path.basename(name), fromCache]),
        [
          ['one.md', true],
          ['two.txt', false],
        ],
      );
      for (const [tree] of usage.layers) {
        assert.equal(tree?.visits[0], usage.tokens);
      }
      assert.equal(insights.state.usage?.tokens, 125);
      await run('mapWorkspace', 'mapped/*.txt');
      assert.match(await report('Usage'), /1 text, 5 tokens; all of it was known and not read again\./);
      // Nothing came in front, and nothing waits to be saved.
      assert.ok(vscode.window.tabGroups.all.every(({ tabs }) => tabs.every(({ isDirty }) => !isDirty)));
      await run('openReport', 'usage');
      await until('the rendered report', () =>
        vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label.includes('Usage.md'))),
      );
      const json = path.join(folder, 'usage.json');
      await run('exportUsage', vscode.Uri.file(json));
      const exported = JSON.parse(fs.readFileSync(json, 'utf8')) as {
        tokens: number;
        layers: { visits: number[] }[][];
      };
      assert.equal(exported.tokens, 5);
      assert.equal(exported.layers[3]?.[0]?.visits[0], 5);
    } finally {
      fs.rmSync(inside, { recursive: true, force: true });
    }
  });

  it('compares with the previous trace, with another model, and a word in several sentences', async () => {
    const { insights, session } = await explorer();
    await openAndSelect('The bank of the river.');
    await inspect();
    await openAndSelect('The bank of the town.');
    await inspect();
    await run('compareWithPrevious');
    assert.equal(insights.state.compared?.trace.text, 'The bank of the river.');
    assert.match(await report('Comparison'), /- Only in the first: river\n- Only in the second: town/);

    const other = path.join(folder, 'twin');
    fs.cpSync(session.state.trace!.model.directory, other, { recursive: true });
    await run('compareModels', vscode.Uri.file(other));
    const { compared } = insights.state;
    assert.ok(compared);
    assert.equal(compared.trace.model.name, 'twin');
    assert.equal(session.state.trace?.model.name, 'default');
    assert.ok(compared.comparison.layers.every((layer) => layer?.samePaths === 1));
    assert.match(await report('Comparison'), /\| 3 \| 100\.0 % \| 100\.0 % \| never: 7 \|/);
    // The runner remembers what is shown, so more can be asked about it.
    assert.equal((await insights.lens(1)).layers.length, 4);

    await openAndSelect('The bank of the river.\nThe bank lends money.\n\nNo word here.\nShe robbed a bank.');
    await run('compareContexts', 'bank');
    assert.match(await report('Comparison'), /^# “bank” in 3 sentences\n\n3 occurrences\./);
    await traceOf('She robbed a bank.');
    assert.deepEqual(insights.state.compared.trace.text, 'The bank of the river.');
  });

  it('tells the whole path in a hover, until the text changes or marks are switched off', async () => {
    const editor = await openAndSelect('const first = rows[0];');
    const hover = async (): Promise<string> => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        editor.document.uri,
        new vscode.Position(0, 7),
      );
      const texts = hovers.flatMap(({ contents }) => contents.map((text) => (text as vscode.MarkdownString).value));
      return texts.find((text) => text.includes('| level |')) ?? '';
    };
    await inspect();
    const trace = await traceOf('const first = rows[0];');
    const { session } = await explorer();
    session.setFocus({ token: 0, layer: 2, tree: 0, node: null });
    const shown = await hover();
    assert.match(shown, /^\*\*first\*\*, layer 2\n/);
    assert.ok(trace.model.feedforward.kind === 'fff');
    const nodes = pathToLeaf(trace.layers[2]!.leaves[1]!, trace.model.feedforward.depth);
    assert.deepEqual(
      [...shown.matchAll(/^\| \d+ \| (\d+) \|/gm)].map(([, node]) => Number(node)),
      nodes,
    );
    await withSetting('editor.decorations', false, async () => assert.equal(await hover(), ''));
    assert.notEqual(await hover(), '');
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), ' '));
    assert.equal(await hover(), '');
  });

  it('follows the editor while the sidebar is visible and the trace is not pinned', async () => {
    const { session } = await explorer();
    await vscode.commands.executeCommand('fffExplorer.treePath.focus');
    const editor = await openAndSelect('line one\n\nline two\n\nline three', 0, 0);
    await until('the first line', () => session.state.trace?.text === 'line one');
    const cursor = (line: number): void => {
      editor.selection = new vscode.Selection(line, 2, line, 2);
    };
    cursor(2);
    await until('the second line', () => session.state.trace?.text === 'line two');
    await run('pin');
    cursor(4);
    await new Promise((resolve) => setTimeout(resolve, 800));
    await traceOf('line two');
    await run('unpin');
    await until('the third line', () => session.state.trace?.text === 'line three');
    await vscode.commands.executeCommand('workbench.action.closeSidebar');
    cursor(0);
    await new Promise((resolve) => setTimeout(resolve, 800));
    await traceOf('line three');
  });
});
