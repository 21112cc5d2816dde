/** A painter that remembers instead of drawing, so that tests can say what was drawn. */
import type { Painter, TextStyle } from '../../../webview/charts/painter';

export interface Recorder extends Painter {
  frames: number;
  size: [number, number];
  /** What the latest frame drew. */
  rects: { x: number; y: number; width: number; height: number; fill: string }[];
  segmentsDrawn: { flat: readonly number[]; stroke: string; lineWidth: number }[];
  curvesDrawn: { flat: readonly number[]; stroke: string; lineWidth: number }[];
  discsDrawn: { flat: readonly number[]; fill: string }[];
  texts: { x: number; y: number; text: string; style: TextStyle }[];
}

export function recorder(): Recorder {
  const record: Recorder = {
    frames: 0,
    size: [0, 0],
    rects: [],
    segmentsDrawn: [],
    curvesDrawn: [],
    discsDrawn: [],
    texts: [],
    begin(width, height) {
      record.frames++;
      record.size = [width, height];
      record.rects = [];
      record.segmentsDrawn = [];
      record.curvesDrawn = [];
      record.discsDrawn = [];
      record.texts = [];
    },
    rect: (x, y, width, height, fill) => record.rects.push({ x, y, width, height, fill }),
    segments: (flat, stroke, lineWidth) => record.segmentsDrawn.push({ flat: [...flat], stroke, lineWidth }),
    curves: (flat, stroke, lineWidth) => record.curvesDrawn.push({ flat: [...flat], stroke, lineWidth }),
    discs: (flat, fill) => record.discsDrawn.push({ flat: [...flat], fill }),
    text: (x, y, text, style) => record.texts.push({ x, y, text, style }),
  };
  return record;
}
