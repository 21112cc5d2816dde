/** What two pictures show: the masked code of the sample inspected with the model that ships, the first mask looked at. */
import type { Frame } from 'playwright-core';
import { expect } from 'vitest';
import { shown, shownTokens } from '../e2e/explorer';
import type { Workbench } from '../e2e/workbench';
import { inspectLines, SAMPLE } from './take';

/** Inspects them, and returns the panel once everything is measured. */
export async function inspectMasks(workbench: Workbench): Promise<Frame> {
  await workbench.openFile(SAMPLE);
  await workbench.runCommand('View: Close Primary Side Bar');
  const panel = await inspectLines(workbench, 7, 17);
  expect(Number(await shown(panel, 'spine', 'token'))).toBe((await shownTokens(panel)).indexOf('<mask>'));
  expect(await shown(panel, 'spine', 'layer')).toBe('0');
  return panel;
}
