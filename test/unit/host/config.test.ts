import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../../package.json';
import { placeOf, readSettings, type SettingsContext, type SettingsSource } from '../../../extension/config';

const EMBEDDED = path.resolve('/ext/models/default');
const TRUSTED: SettingsContext = {
  isTrusted: true,
  workspaceFolder: path.resolve('/project'),
  embeddedModel: EMBEDDED,
};
const UNTRUSTED: SettingsContext = { ...TRUSTED, isTrusted: false };

/** Settings as VS Code layers them: workspace over user. */
function source(user: Record<string, unknown>, workspace: Record<string, unknown> = {}): SettingsSource {
  return {
    get: (key) => workspace[key] ?? user[key],
    inspect: (key) => ({ globalValue: user[key], workspaceValue: workspace[key] }),
  };
}

describe('readSettings', () => {
  it('uses the embedded model and the documented defaults when nothing is set', () => {
    expect(readSettings(source({}), TRUSTED)).toEqual({
      modelDirectory: EMBEDDED,
      threads: 0,
      topPredictions: 5,
      measureBudgetMsPerLayer: 250,
      follow: true,
      decorations: true,
      decorationDepth: 3,
      notice: null,
    });
  });

  it('has the same defaults and limits as package.json', () => {
    const properties: Record<string, { default?: unknown; minimum?: number; maximum?: number }> =
      manifest.contributes.configuration.properties;
    const fields = {
      threads: 'threads',
      'predictions.count': 'topPredictions',
      'measure.budgetMsPerLayer': 'measureBudgetMsPerLayer',
      'editor.decorationDepth': 'decorationDepth',
    } as const;
    const switches = { follow: 'follow', 'editor.decorations': 'decorations' } as const;
    for (const [key, field] of Object.entries(switches)) {
      const read = (value: unknown): boolean => readSettings(source({ [key]: value }), TRUSTED)[field];
      expect([read(undefined), read(false), read(true), read('x')]).toEqual([true, false, true, true]);
      expect(properties[`fffExplorer.${key}`]?.default).toBe(true);
    }
    for (const [key, field] of Object.entries(fields)) {
      const property = properties[`fffExplorer.${key}`];
      const read = (value: unknown): number => readSettings(source({ [key]: value }), TRUSTED)[field];
      expect(read(undefined)).toBe(property?.default);
      expect(read(-1e9)).toBe(property?.minimum);
      expect(read(1e9)).toBe(property?.maximum);
    }
    const known = [...Object.keys(fields), ...Object.keys(switches), 'model.path'].map((key) => `fffExplorer.${key}`);
    expect(Object.keys(properties).sort()).toEqual(known.sort());
  });

  it.each([
    ['an absolute path', path.resolve('/models/a'), path.resolve('/models/a')],
    ['a path in the workspace', 'models/a', path.resolve('/project/models/a')],
    ['a path in the home folder', '~/models/a', path.join(os.homedir(), 'models', 'a')],
    ['white space', '   ', EMBEDDED],
    ['no string', 7, EMBEDDED],
  ])('resolves %s', (_, value, expected) => {
    expect(readSettings(source({ 'model.path': value }), TRUSTED).modelDirectory).toBe(expected);
  });

  it('lets a trusted workspace choose the model', () => {
    const settings = readSettings(source({ 'model.path': '/user' }, { 'model.path': '/mine' }), TRUSTED);
    expect(settings).toMatchObject({ modelDirectory: path.resolve('/mine'), notice: null });
  });

  it('ignores the model of an untrusted workspace, and says why', () => {
    const settings = readSettings(source({ 'model.path': '/user' }, { 'model.path': '/theirs' }), UNTRUSTED);
    expect(settings.modelDirectory).toBe(path.resolve('/user'));
    expect(settings.notice).toBe(
      'The model path "/theirs" of this workspace is ignored because the workspace is not trusted.',
    );
    expect(readSettings(source({}, { 'model.path': '/theirs' }), UNTRUSTED).modelDirectory).toBe(EMBEDDED);
  });

  it('has nothing to say in an untrusted workspace that sets no model', () => {
    expect(readSettings(source({ 'model.path': '/user' }), UNTRUSTED).notice).toBeNull();
  });

  it.each([['two'], [NaN], [null], [Infinity], [{}]])('falls back where a number is %s', (value) => {
    expect(readSettings(source({ threads: value, 'predictions.count': value }), TRUSTED)).toMatchObject({
      threads: 0,
      topPredictions: 5,
    });
  });

  it('rounds fractions', () => {
    expect(readSettings(source({ threads: 2.6 }), TRUSTED).threads).toBe(3);
  });
});

describe('the place of a changed setting', () => {
  it.each([
    ['user', undefined],
    ['user', {}],
    ['user', { globalValue: 'a' }],
    ['workspace', { globalValue: 'a', workspaceValue: 'b' }],
    ['folder', { globalValue: 'a', workspaceValue: 'b', workspaceFolderValue: 'c' }],
    ['folder', { workspaceFolderValue: '' }],
  ])('is the %s’s where it hides the others: %j', (place, inspected) => {
    expect(placeOf(inspected, true, true)).toBe(place);
  });

  it.each([
    ['workspace', { globalValue: true, workspaceValue: false, workspaceFolderValue: false }],
    ['workspace', { workspaceValue: '', workspaceFolderValue: '' }],
    ['workspace', { workspaceFolderValue: false }],
    ['user', { globalValue: false }],
  ])('is the %s’s where folders set nothing for themselves, as in a window of one folder: %j', (place, inspected) => {
    expect(placeOf(inspected, true, false)).toBe(place);
  });

  it('is the user’s where the workspace’s is not read', () => {
    expect(placeOf({ workspaceValue: 'b', workspaceFolderValue: 'c' }, false, true)).toBe('user');
  });
});
