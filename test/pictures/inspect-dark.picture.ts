import { test } from 'vitest';
import { inspectMasks } from './masks';
import { take } from './take';

test('a selection and its trace', () =>
  take('inspect-dark', { theme: 'dark', viewport: { width: 1680, height: 1050 } }, async (workbench) => {
    await inspectMasks(workbench);
  }));
