/** The figure of the growth laws: shown where a result holds a sweep of at least four sizes. */
import { draw as drawGrowth, type GrowthData } from '../charts/benchmarkGrowth';
import { dropdown } from '../controls';
import { el } from '../dom';
import { figure } from '../figure';
import { mounted, type ThemeSource } from '../panes';
import { enginesOf } from './arrangement';
import type { Shown } from './figures';
import { growthViews, type GrowthView } from './growth';
import { leftOutSentence, precisionName, shownRows } from './precision';
import { saveTool } from './saveTool';
import type { BenchmarkStore } from './store';
import { growthTable } from './tables';

export function growthFigure(store: BenchmarkStore, theme: ThemeSource): Shown {
  const id = 'growth';
  const title = 'How the time grows';
  let views: GrowthView[] = [];
  const chosen = (): GrowthView | undefined => views.find(({ key }) => key === store.setup.growth) ?? views[0];
  const picker = dropdown<string>('Along', 'growth', (growth) => store.arrange({ growth }));
  const made = figure(store, {
    id,
    title,
    caption: CAPTION,
    saveTool: saveTool(store, theme, id, title, () => precisionName(store)),
    table: () => {
      const view = chosen();
      return view === undefined ? null : growthTable(view);
    },
  });
  made.element.querySelector('header')?.after(el('div', { class: 'toolbar' }, picker.element));
  const show = mounted<GrowthData>(made.body, (body, data) => drawGrowth(body, data, { theme }));
  return {
    element: made.element,
    figure: made,
    update() {
      views = growthViews(shownRows(store, store.state.shown?.result.rows ?? []));
      const view = chosen();
      made.element.hidden = view === undefined;
      picker.element.hidden = views.length < 2;
      made.setCaption(`${CAPTION}${leftOutSentence(store)}`);
      if (view !== undefined) {
        picker.set(
          views.map(({ key, label }) => ({ value: key, label })),
          view.key,
        );
        show({ view, engines: enginesOf(store) });
      }
    },
  };
}

const CAPTION =
  'Marks are the median times of one call, lines the laws that fit them best; below, what each says. A tree visits one neuron a level, so its time should follow the levels while the neurons double at each; a dense layer computes them all.';
