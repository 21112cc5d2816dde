/** The colour themes of the tests, and when everything on screen has taken one. */
import type { Page } from 'playwright-core';

/** The four colour themes every view must be readable in: setting, label in the picker, class on the root element. */
export const themes = {
  light: { id: 'Light Modern', label: 'Light Modern', className: 'light_modern' },
  dark: { id: 'Dark Modern', label: 'Dark Modern', className: 'dark_modern' },
  highContrastDark: { id: 'Default High Contrast', label: 'Dark High Contrast', className: 'hc_black' },
  highContrastLight: { id: 'Default High Contrast Light', label: 'Light High Contrast', className: 'hc_light' },
} as const;

export type Theme = keyof typeof themes;

export const themeNames = Object.keys(themes) as Theme[];

/** True once a page has painted a theme, or where it knows of none; false when it does not take it. Runs in the page. */
async function hasTaken({ id, patienceMs }: { id: string; patienceMs: number }): Promise<boolean> {
  const taken = (): boolean => [undefined, id].includes(document.body.dataset['vscodeThemeId']);
  // A page out of sight gets no frames.
  const nextFrame = (): Promise<unknown> =>
    new Promise((resolve) => {
      requestAnimationFrame(resolve);
      setTimeout(resolve, 100);
    });
  const begin = performance.now();
  while (!taken() && performance.now() - begin < patienceMs) {
    await nextFrame();
  }
  await nextFrame();
  const crossing = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.all(crossing.map(({ finished }) => finished.catch(() => undefined)));
  await nextFrame();
  return taken();
}

/** Waits until every view has painted a theme. They are told one after the other, and their colours cross over. */
export async function viewsTaken(page: Page, theme: Theme, patienceMs: number): Promise<void> {
  const { id } = themes[theme];
  for (const frame of page.frames()) {
    // A frame may go away while it is asked.
    if (!(await frame.evaluate(hasTaken, { id, patienceMs }).catch(() => true))) {
      throw new Error(`A view does not take the theme ${id}.`);
    }
  }
}
