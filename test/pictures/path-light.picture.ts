import { test } from 'vitest';
import { inspectMasks } from './masks';
import { take } from './take';

test('the path of one token, and all tokens in all layers', () =>
  take('path-light', { theme: 'light', viewport: { width: 1680, height: 1050 } }, async (workbench) => {
    const panel = await inspectMasks(workbench);
    await panel.locator('#spine').evaluate((figure) => figure.scrollIntoView());
  }));
