/** The button of a figure that saves its picture. */
import { button } from '../controls';
import type { ThemeSource } from '../panes';
import { chartPicture, pngOf } from '../picture';
import type { BenchmarkStore } from './store';

/**
 * Saves a chart's SVG, also as PNG.
 *
 * @param part what of the result the chart shows, for the names of picture and file; empty for all.
 */
export function saveTool(
  store: BenchmarkStore,
  theme: ThemeSource,
  id: string,
  title: string,
  part: () => string = () => '',
): HTMLElement {
  const save = async (): Promise<void> => {
    const image = document.querySelector<SVGSVGElement>(`#${id} .figure-body svg[role="img"]`);
    if (image !== null) {
      const shown = part();
      const picture = chartPicture(image, shown === '' ? title : `${title}, ${shown}`, theme().background);
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
