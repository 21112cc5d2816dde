import { expect, test } from 'vitest';
import { take } from './take';

test('the benchmark panel after the default plan', () =>
  take('benchmark-light', { theme: 'light', viewport: { width: 1400, height: 860 } }, async (workbench) => {
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.runCommand('FFF Explorer: Open Benchmark');
    const panel = await workbench.webview('[data-mode="panel"]');
    const plan = panel.locator('[data-testid="preset"] select');
    await plan.locator('option', { hasText: 'Default' }).waitFor({ state: 'attached' });
    await plan.selectOption({ label: 'Default' });
    await panel.locator('[data-testid="run"]').click();
    await panel.locator('.content[data-state="running"]').waitFor();
    await panel.locator('.content[data-state="finished"]').waitFor({ timeout: 300_000 });
    expect(await panel.locator('[data-testid="ratio-point"]').count()).toBeGreaterThan(0);
  }));
