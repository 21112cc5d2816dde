/** One word in several sentences, as rows and tables. Pure. */
import type { ContextTest } from '../extension/protocol';
import { made, number, share, text, type Cell } from './cells';
import type { TableData } from './charts/table';

/** An occurrence of the word, set against the one it is compared with. */
export interface OccurrenceRow {
  /** Where its sentence stands. */
  place: string;
  before: string;
  word: string;
  after: string;
  /** One entry a layer: share of the decisions its path has in common with the reference's; null for dense layers. */
  shares: readonly (number | null)[];
  /** First layer in which the two paths differ, and the level; null where they never do. */
  parts: { layer: number; level: number } | null;
}

/** UTF-16 units of a sentence kept on either side of the word. */
const AROUND = 200;

/** @param reference index of the occurrence all others are compared with. */
export function occurrenceRows(test: ContextTest, reference: number): OccurrenceRow[] {
  const { sentences, occurrences, layers, depth } = test;
  const count = occurrences.length;
  return occurrences.map(({ trace, start, end }, index) => {
    const { text: sentence = '', source = null } = sentences[trace] ?? {};
    const at = reference * count + index;
    const layer = layers.findIndex((one) => one !== null && (one.divergenceLevels[at] ?? depth + 1) <= depth);
    return {
      place: source?.label ?? `sentence ${trace + 1}`,
      before: folded(sentence.slice(Math.max(0, start - AROUND), start)),
      word: folded(sentence.slice(start, end)),
      after: folded(sentence.slice(end, end + AROUND)),
      shares: layers.map((one) => one?.overlaps[at] ?? null),
      parts: layer < 0 ? null : { layer, level: layers[layer]?.divergenceLevels[at] ?? 0 },
    };
  });
}

const folded = (part: string): string => part.replace(/\s+/g, ' ');

/** How far the word agrees with itself, layer by layer. */
export function agreementTable({ word, occurrences, layers }: ContextTest, layer: number): TableData {
  const pairs = (occurrences.length * (occurrences.length - 1)) / 2;
  return made(
    `Paths of “${word}” wherever it stands, per layer`,
    [number('Layer'), number('Overlap'), number('Any two tokens'), number('Same path'), number('Pairs')],
    layers.map((one, index) => [
      index,
      ...(one === null ? [null, null, null] : [share(one.overlap), share(one.background), share(one.samePaths)]),
      pairs,
    ]),
    layer,
  );
}

/** Every occurrence against the reference. */
export function occurrencesTable(test: ContextTest, reference: number): TableData {
  return made(
    `Occurrences of “${test.word}” against occurrence ${reference + 1}`,
    [
      number('Occurrence'),
      text('Where'),
      text('Before'),
      text('Word'),
      text('After'),
      ...test.layers.map((_, layer) => number(`Layer ${layer}`)),
      number('Parts in layer'),
      number('At level'),
    ],
    occurrenceRows(test, reference).map(({ place, before, word, after, shares, parts }, index): Cell[] => [
      index + 1,
      place,
      [before, shortened(before, -1)],
      word,
      [after, shortened(after, 1)],
      ...shares.map((one): Cell => (one === null ? null : share(one))),
      parts?.layer ?? [null, index === reference ? '–' : 'never'],
      parts?.level ?? null,
    ]),
    reference,
  );
}

const SHOWN = 24;

/** The end next to the word. */
function shortened(part: string, direction: 1 | -1): string {
  if (part.length <= SHOWN) {
    return part;
  }
  return direction > 0 ? `${part.slice(0, SHOWN - 1)}…` : `…${part.slice(1 - SHOWN)}`;
}
