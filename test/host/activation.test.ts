/** What a freshly started editor knows of the extension, before and after it is activated. */
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { EXTENSION_ID, explorer, inspect, openAndSelect, traceOf, tracePanels, until } from './harness';

interface Manifest {
  contributes: { commands: { command: string }[] };
}

describe('Activation', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await until('every panel to be closed', () => tracePanels() === 0);
  });

  it('registers every command of the manifest', async () => {
    await explorer();
    const registered = new Set(await vscode.commands.getCommands(true));
    const manifest = vscode.extensions.getExtension(EXTENSION_ID)?.packageJSON as Manifest;
    assert.ok(manifest.contributes.commands.length >= 6);
    for (const { command } of manifest.contributes.commands) {
      assert.ok(registered.has(command), `${command} is not registered.`);
    }
  });

  it('runs where the files are', () => {
    assert.equal(vscode.extensions.getExtension(EXTENSION_ID)?.extensionKind, vscode.ExtensionKind.Workspace);
  });

  it('opens one trace panel, however often it is asked to', async () => {
    await vscode.commands.executeCommand('fffExplorer.openTracePanel');
    await vscode.commands.executeCommand('fffExplorer.openTracePanel');
    await until('the panel', () => tracePanels() > 0);
    assert.equal(tracePanels(), 1);
  });

  it('shows the Tree Path view, which is then where the picture goes', async () => {
    const { session, views } = await explorer();
    await vscode.commands.executeCommand('fffExplorer.treePath.focus');
    await until('the view to be visible', () => views.anyVisible);
    await openAndSelect('seen in the sidebar');
    await inspect();
    const trace = await traceOf('seen in the sidebar');
    await until('the view to paint', () => session.latencies.at(-1)?.runId === trace.runId);
    assert.equal(tracePanels(), 0);
    await vscode.commands.executeCommand('workbench.action.closeSidebar');
    await until('the view to be hidden', () => !views.anyVisible);
  });
});
