/** What every chart is: `draw(container, data, options)` returns this. */
import type { Theme } from '../theme';
import type { PainterFactory } from './painter';

export interface Chart<Data> {
  update(data: Data): void;
  dispose(): void;
}

/** Options every chart understands. */
export interface ChartOptions {
  theme: () => Theme;
  /** Width in CSS px to assume where the container has none yet. */
  fallbackWidth?: number;
  /** Where mass is drawn; a canvas unless a test records instead. */
  painter?: PainterFactory;
}
