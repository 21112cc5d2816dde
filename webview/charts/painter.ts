/**
 * What a mass chart draws on: a few shapes, so that the same drawing goes to a canvas on the screen or to a recorder in
 * tests. Coordinates are CSS px.
 */

export interface TextStyle {
  fill: string;
  /** CSS font shorthand. */
  font: string;
  align: 'left' | 'center' | 'right';
}

export interface Painter {
  /** Starts a frame of the given size. */
  begin(width: number, height: number): void;
  rect(x: number, y: number, width: number, height: number, fill: string): void;
  /** Many separate straight lines in one stroke; `flat` is x1, y1, x2, y2, ... */
  segments(flat: readonly number[], stroke: string, lineWidth: number): void;
  /** Many separate cubic curves in one stroke; `flat` is eight numbers a curve. */
  curves(flat: readonly number[], stroke: string, lineWidth: number): void;
  /** Many discs of one fill; `flat` is x, y, radius, ... */
  discs(flat: readonly number[], fill: string): void;
  /** Text on its middle line. */
  text(x: number, y: number, text: string, style: TextStyle): void;
}

export type PainterFactory = (canvas: HTMLCanvasElement) => Painter;

const pictures = new WeakMap<HTMLCanvasElement, (painter: Painter) => void>();

/** Tells how a canvas is painted, so that its picture can be exported as shapes. */
export function rememberPicture(canvas: HTMLCanvasElement, paint: (painter: Painter) => void): void {
  pictures.set(canvas, paint);
}

/** Paints a canvas's picture on another painter; false where nobody said how. */
export function repaintOn(canvas: HTMLCanvasElement, painter: Painter): boolean {
  const paint = pictures.get(canvas);
  paint?.(painter);
  return paint !== undefined;
}

/** A painter on a canvas, sharp on dense screens. */
export const canvasPainter: PainterFactory = (canvas) => {
  const context = canvas.getContext('2d');
  if (context === null) {
    throw new Error('This browser offers no 2D canvas.');
  }
  return {
    begin(width, height) {
      const ratio = window.devicePixelRatio || 1;
      const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
      // Assigning a size reallocates the bitmap even when it is unchanged; zooming must not pay for that.
      if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
        canvas.width = pixelWidth;
        canvas.height = pixelHeight;
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
    },
    rect(x, y, width, height, fill) {
      context.fillStyle = fill;
      context.fillRect(x, y, width, height);
    },
    segments(flat, stroke, lineWidth) {
      context.beginPath();
      for (let i = 0; i + 3 < flat.length; i += 4) {
        context.moveTo(flat[i] as number, flat[i + 1] as number);
        context.lineTo(flat[i + 2] as number, flat[i + 3] as number);
      }
      context.strokeStyle = stroke;
      context.lineWidth = lineWidth;
      context.stroke();
    },
    curves(flat, stroke, lineWidth) {
      context.beginPath();
      for (let i = 0; i + 7 < flat.length; i += 8) {
        context.moveTo(flat[i] as number, flat[i + 1] as number);
        context.bezierCurveTo(
          flat[i + 2] as number,
          flat[i + 3] as number,
          flat[i + 4] as number,
          flat[i + 5] as number,
          flat[i + 6] as number,
          flat[i + 7] as number,
        );
      }
      context.strokeStyle = stroke;
      context.lineWidth = lineWidth;
      context.stroke();
    },
    discs(flat, fill) {
      context.beginPath();
      for (let i = 0; i + 2 < flat.length; i += 3) {
        const [x, y, radius] = [flat[i] as number, flat[i + 1] as number, flat[i + 2] as number];
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fillStyle = fill;
      context.fill();
    },
    text(x, y, text, style) {
      context.font = style.font;
      context.fillStyle = style.fill;
      context.textAlign = style.align;
      context.textBaseline = 'middle';
      context.fillText(text, x, y);
    },
  };
};
