/** The button of a figure that saves its picture. */
import { button } from '../controls';
import type { ThemeSource } from '../panes';
import { chartPicture, pngOf } from '../picture';
import type { BenchmarkStore } from './store';

/** Saves a chart's SVG, also as PNG. */
export function saveTool(store: BenchmarkStore, theme: ThemeSource, id: string, title: string): HTMLElement {
  const save = async (): Promise<void> => {
    const image = document.querySelector<SVGSVGElement>(`#${id} .figure-body svg[role="img"]`);
    if (image !== null) {
      const picture = chartPicture(image, title, theme().background);
      const name = `${store.state.shown?.entry.name ?? 'benchmark'} ${id}`;
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
