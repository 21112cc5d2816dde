import fs from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { lookAt, shownTokens } from '../e2e/explorer';
import { inspectLines, SAMPLE, take } from './take';

const FOLDER = 'my-checkpoint';
const LAYER = 1;
const TREE = 2;

/** A checkpoint nobody trained: the small one of the fixtures, F2, with as many words as it has of the fixtures' tokenizer. */
function writeCheckpoint(folder: string): void {
  fs.mkdirSync(folder);
  for (const file of ['config.json', 'model.safetensors']) {
    fs.copyFileSync(inRoot('test/fixtures/F2', file), path.join(folder, file));
  }
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'config.json'), 'utf8')) as {
    arch: { embedding: { vocab_size: number } };
  };
  const tokenizer = JSON.parse(fs.readFileSync(inRoot('test/fixtures/tokenizer/tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  const { model } = tokenizer;
  const known = Object.entries(model.vocab).filter(([, id]) => id < config.arch.embedding.vocab_size);
  model.vocab = Object.fromEntries(known);
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
}

test('a folder with the three files, and a trace made with it', () =>
  take(
    'checkpoint-light',
    {
      theme: 'light',
      viewport: { width: 1400, height: 860 },
      settings: { 'fffExplorer.model.path': FOLDER, 'editor.minimap.enabled': false },
    },
    async (workbench) => {
      writeCheckpoint(workbench.file(FOLDER));
      const rows = workbench.page.locator('.explorer-folders-view .monaco-list-row');
      await rows.filter({ hasText: FOLDER }).click();
      await rows.filter({ hasText: 'tokenizer.json' }).waitFor();
      await workbench.openFile(SAMPLE);
      const panel = await inspectLines(workbench, 27, 31);
      await lookAt(panel, LAYER, (await shownTokens(panel)).indexOf('name'));
      await panel.locator('[data-testid="trees"] select').selectOption(String(TREE));
      await panel.locator(`[data-testid="tree-map"][data-layer="${LAYER}"][data-tree="${TREE}"]`).waitFor();
    },
  ));
