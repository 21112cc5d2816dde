/** The button of a figure that saves its picture. */
import { button } from '../controls';
import type { ThemeSource } from '../panes';
import { pictureOf, pngOf } from '../picture';
import type { BenchmarkStore } from './store';

/**
 * Saves a figure with its legend as SVG, also as PNG.
 *
 * @param part what of the result the figure shows, for the names of picture and file; empty for all.
 */
export function saveTool(
  store: BenchmarkStore,
  theme: ThemeSource,
  id: string,
  title: string,
  part: () => string = () => '',
): HTMLElement {
  const save = async (): Promise<void> => {
    const body = document.querySelector<HTMLElement>(`#${id} .figure-body`);
    if (body !== null) {
      const shown = part();
      const picture = pictureOf(body, shown === '' ? title : `${title}, ${shown}`, theme().background);
      const name = `${store.state.shown?.entry.name ?? 'benchmark'} ${id} ${shown}`.trimEnd();
      await store.call('exportPicture', [{ name, svg: picture.svg, png: await pngOf(picture) }]);
    }
  };
  return button({
    label: `${title}: save picture (SVG, PNG)`,
    appearance: 'icon',
    icon: 'save',
    testId: `save-${id}`,
    onClick: () => void save(),
  });
}
