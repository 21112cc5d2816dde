import { beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../../package.json';
import { commandTable, type CommandServices, type InsightCommands } from '../../../extension/commands';
import { FffError } from '../../../extension/errors';

describe('commandTable', () => {
  let calls: string[];
  let services: CommandServices;
  let visible: boolean;
  let picks: boolean;

  beforeEach(() => {
    calls = [];
    visible = false;
    picks = true;
    const note = (name: string): void => void calls.push(name);
    services = {
      session: {
        inspect: async ({ text }, startedAt) => {
          note(`inspect ${text} @${String(startedAt)}`);
          return Promise.resolve(null);
        },
        inspectAgain: async () => {
          note('inspectAgain');
          return Promise.resolve(null);
        },
        cancel: () => note('cancel'),
      },
      runner: {
        restart: async () => {
          note('restart');
          return Promise.resolve();
        },
      },
      now: () => 12,
      readSelection: () => ({ text: 'words', source: { label: 'a:1', uri: null, offset: 0 } }),
      showTracePanel: () => note('showTracePanel'),
      showBenchmark: () => note('showBenchmark'),
      hasVisibleView: () => visible,
      showLog: () => note('showLog'),
      pickModel: () => Promise.resolve(picks),
      insight: new Proxy({} as InsightCommands, {
        get:
          (_, name) =>
          (...given: unknown[]): Promise<void> => {
            note([String(name), ...given].join(' '));
            return Promise.resolve();
          },
      }),
    };
  });

  it('has exactly the commands package.json contributes, all in one category', () => {
    const contributed = manifest.contributes.commands;
    expect(contributed.map(({ command }) => command).sort()).toEqual(Object.keys(commandTable(services)).sort());
    expect(new Set(contributed.map(({ category }) => category))).toEqual(new Set(['FFF Explorer']));
  });

  it('is offered only for commands that exist, in menus and walkthrough too', () => {
    const known = new Set(Object.keys(commandTable(services)));
    const { menus, walkthroughs, views } = manifest.contributes;
    for (const { command } of Object.values(menus).flat()) {
      expect(known).toContain(command);
    }
    const viewIds = views.fffExplorer.map(({ id }) => `${id}.focus`);
    const links = JSON.stringify(walkthroughs).match(/command:[\w.]+/g) ?? [];
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      expect([...known, ...viewIds]).toContain(link.replace('command:', ''));
    }
  });

  it('inspects the selection, from the moment of the command, and opens a place for the picture', async () => {
    await commandTable(services)['fffExplorer.inspectSelection']();
    expect(calls).toEqual(['showTracePanel', 'inspect words @12']);
  });

  it('leaves the layout alone when a view is visible already', async () => {
    visible = true;
    await commandTable(services)['fffExplorer.inspectSelection']();
    expect(calls).toEqual(['inspect words @12']);
  });

  it('opens nothing when there is nothing to inspect', async () => {
    services.readSelection = () => {
      throw new FffError('BAD_INPUT', 'Nothing.');
    };
    await expect(commandTable(services)['fffExplorer.inspectSelection']()).rejects.toMatchObject({ code: 'BAD_INPUT' });
    expect(calls).toEqual([]);
  });

  it('opens the benchmark panel and starts nothing', async () => {
    await commandTable(services)['fffExplorer.openBenchmark']();
    expect(calls).toEqual(['showBenchmark']);
  });

  it('gives up the run before it restarts the runner', async () => {
    await commandTable(services)['fffExplorer.restartRunner']();
    expect(calls).toEqual(['cancel', 'restart']);
  });

  it('inspects again with a model that was picked, and not after changing one’s mind', async () => {
    await commandTable(services)['fffExplorer.selectModel']();
    picks = false;
    await commandTable(services)['fffExplorer.selectModel']();
    expect(calls).toEqual(['inspectAgain']);
  });

  it('passes on where a command came from, and pins and unpins', async () => {
    const table = commandTable(services);
    await table['fffExplorer.mapFolder']('file:///folder');
    await table['fffExplorer.mapWorkspace']('**/*.md');
    await table['fffExplorer.compareContexts']('bank');
    await table['fffExplorer.mapSelection']('ignored');
    await table['fffExplorer.pin']();
    await table['fffExplorer.unpin']();
    expect(calls).toEqual([
      'mapFolder file:///folder',
      'mapWorkspace **/*.md',
      'compareContexts bank',
      'mapSelection',
      'setPinned true',
      'setPinned false',
    ]);
  });
});
