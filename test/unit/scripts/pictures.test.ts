/** Every picture that is shown can be taken anew, and nothing else is taken. */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { inRoot } from '../../../scripts/lib/paths.mjs';

const named = (folder: string, ending: string): string[] =>
  fs
    .readdirSync(inRoot(folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();

test('each of media/pictures has its file in test/pictures', () => {
  const shown = named('media/pictures', '.png');
  expect(shown.length).toBeGreaterThan(0);
  expect(named('test/pictures', '.picture.ts')).toEqual(shown);
});
