/** The panes of one word in several sentences: each joins one chart to the store. */
import { draw as drawContexts, type ContextsData } from '../charts/contexts';
import { draw as drawLayerBars, type LayerBarsData } from '../charts/layerBars';
import { occurrenceRows } from '../contextTables';
import { el } from '../dom';
import { formatPercent, plural } from '../format';
import { mounted, type Pane, type ThemeSource } from '../panes';
import type { ContextTest } from '../../extension/protocol';
import type { Store } from '../store';

const NO_TEST =
  'No word is tested yet. Select several lines that share a word, one sentence a line, and choose the word.';

/** The occurrence all others are compared with: the first one of a test, until the user chooses another. */
export class Reference {
  private chosen: { test: ContextTest; at: number } | null = null;

  constructor(private readonly store: Store) {}

  of(test: ContextTest): number {
    return this.chosen?.test === test ? this.chosen.at : 0;
  }

  /** The focus goes along where the occurrence is in the shown trace. */
  choose(at: number): void {
    const { contexts, trace } = this.store.state;
    const occurrence = contexts?.occurrences[at];
    if (contexts === null || occurrence === undefined) {
      return;
    }
    this.chosen = { test: contexts, at };
    const [token] = occurrence.tokens;
    if (token !== undefined && contexts.sentences[occurrence.trace]?.text === trace?.text) {
      this.store.pin({ token });
    }
    this.store.changed('insight');
  }
}

export function contextsPane(store: Store, container: HTMLElement, theme: ThemeSource): Pane {
  const about = container.appendChild(el('p', { class: 'sentence', 'data-testid': 'contexts-about' }));
  const show = mounted<LayerBarsData>(container, (body, data) =>
    drawLayerBars(body, data, { theme, onPick: ({ layer }) => store.pin({ layer }) }),
  );
  return {
    update() {
      const { contexts } = store.state;
      about.hidden = contexts === null;
      if (contexts === null) {
        show(NO_TEST);
        return;
      }
      about.textContent = aboutTest(contexts);
      show({
        label: `Agreement of “${contexts.word}” with itself, per layer`,
        name: 'contexts-bars',
        measures: ['overlap of its paths', 'any two tokens here', 'same path to the leaf'],
        rows: contexts.layers.map((layer, index) => ({
          layer: index,
          tree: 0,
          title: `Layer ${index}`,
          bars:
            layer === null
              ? [null, null, null]
              : [layer.overlap, layer.background, layer.samePaths].map((share) => ({
                  share,
                  text: formatPercent(share),
                })),
        })),
        layer: store.sight.layer,
        tree: 0,
      });
    },
  };
}

function aboutTest({ word, model, sentences, occurrences, omittedSentences, omittedOccurrences }: ContextTest): string {
  const left = [
    ...(omittedOccurrences > 0 ? [plural(omittedOccurrences, 'more occurrence')] : []),
    ...(omittedSentences > 0 ? [plural(omittedSentences, 'more sentence')] : []),
  ];
  const omitted = left.length === 0 ? '' : ` Left out: ${left.join(', ')}.`;
  const what = `${plural(occurrences.length, 'occurrence')} in ${plural(sentences.length, 'sentence')}`;
  return `“${word}”: ${what}, model ${model}.${omitted}`;
}

export function occurrencesPane(store: Store, container: HTMLElement, theme: ThemeSource, reference: Reference): Pane {
  const show = mounted<ContextsData>(container, (body, data) =>
    drawContexts(body, data, { theme, onPick: (row) => reference.choose(row) }),
  );
  return {
    update() {
      const { contexts } = store.state;
      if (contexts === null) {
        show(NO_TEST);
        return;
      }
      const chosen = reference.of(contexts);
      show({
        word: contexts.word,
        rows: occurrenceRows(contexts, chosen),
        reference: chosen,
        layers: contexts.layers.length,
        layer: store.sight.layer,
      });
    },
  };
}
