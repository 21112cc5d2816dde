/** The few glyphs of the views, drawn as strokes on a 16 px grid in the colour of the text around them. */
import { svg } from './dom';

const STROKES = {
  zoomIn: 'M8 3.5v9M3.5 8h9',
  zoomOut: 'M3.5 8h9',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  table: 'M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6',
  open: 'M6.5 3.5h-4v10h10v-4M9 2.5h4.5V7M13.5 2.5 7.5 8.5',
  up: 'M3.5 10.5 8 6l4.5 4.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  keys: 'M1.5 4.5h13v7h-13zM4 7h.01M6.7 7h.01M9.4 7h.01M12 7h.01M5 9.5h6',
  find: 'M6.8 2.5a4.3 4.3 0 1 0 0 8.6a4.3 4.3 0 0 0 0-8.6M10 10l3.5 3.5',
  save: 'M8 2.5v7M5 6.8l3 3 3-3M2.5 11v2.5h11V11',
} as const;

export type IconName = keyof typeof STROKES;

export function icon(name: IconName): SVGSVGElement {
  return svg(
    'svg',
    { class: 'icon', width: 16, height: 16, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    svg('path', { d: STROKES[name] }),
  );
}
