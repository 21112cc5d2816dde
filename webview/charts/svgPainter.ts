/** A painter that writes shapes instead of pixels, for export. */
import { svg } from '../dom';
import type { Painter } from './painter';

export function svgPainter(group: SVGGElement): Painter {
  const short = (value: number): string => String(Math.round(value * 100) / 100);
  const path = (d: string, stroke: string, lineWidth: number): void => {
    if (d !== '') {
      group.append(svg('path', { d, fill: 'none', stroke, 'stroke-width': short(lineWidth) }));
    }
  };
  return {
    begin: () => group.replaceChildren(),
    rect: (x, y, width, height, fill) =>
      group.append(svg('rect', { x: short(x), y: short(y), width: short(width), height: short(height), fill })),
    segments(flat, stroke, lineWidth) {
      let d = '';
      for (let i = 0; i + 3 < flat.length; i += 4) {
        const [x1, y1, x2, y2] = flat.slice(i, i + 4).map(short);
        d += `M${x1},${y1}L${x2},${y2}`;
      }
      path(d, stroke, lineWidth);
    },
    curves(flat, stroke, lineWidth) {
      let d = '';
      for (let i = 0; i + 7 < flat.length; i += 8) {
        const [x, y, ...rest] = flat.slice(i, i + 8).map(short);
        d += `M${x},${y}C${rest.join(' ')}`;
      }
      path(d, stroke, lineWidth);
    },
    discs(flat, fill) {
      for (let i = 0; i + 2 < flat.length; i += 3) {
        const [cx, cy, r] = flat.slice(i, i + 3).map(short) as [string, string, string];
        group.append(svg('circle', { cx, cy, r, fill }));
      }
    },
    text(x, y, text, { fill, font, align }) {
      const [size, ...family] = font.split(' ');
      const anchor = { left: 'start', center: 'middle', right: 'end' }[align];
      group.append(
        svg(
          'text',
          {
            x: short(x),
            y: short(y),
            dy: '0.35em',
            fill,
            'font-size': size ?? '10px',
            'font-family': family.join(' '),
            'text-anchor': anchor,
          },
          text,
        ),
      );
    },
  };
}
