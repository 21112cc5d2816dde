/**
 * Colours of the pictures, derived from VS Code's CSS variables and re-derived when the theme changes.
 *
 * Sub-trees get hues at even steps, anchored at the theme's own chart blue, in the order they stand in the tree.
 * Traffic is lightness within the hue. Every mark is moved in lightness until it has at least 3:1 against the page, so
 * that foreign themes cannot make one vanish; text colours are taken from the theme as they are.
 */
import { hcl, rgb, type HCLColor } from 'd3-color';

export type ThemeKind = 'light' | 'dark' | 'hc-dark' | 'hc-light';

/** Steps of traffic lightness; few enough to batch drawing by colour, many enough to look continuous. */
export const TRAFFIC_STEPS = 6;

export interface Theme {
  kind: ThemeKind;
  background: string;
  foreground: string;
  /** Secondary text, at least 4.5:1 against the background. */
  muted: string;
  /** Hairlines and empty cells; decoration, never information. */
  hairline: string;
  /** Fill of nodes nobody visited. */
  empty: string;
  /** Focus and selection, at least 3:1. */
  accent: string;
  /** The two sides of a signed quantity and the reference of a comparison, at least 3:1. */
  positive: string;
  negative: string;
  warning: string;
  fontFamily: string;
  monoFamily: string;
  /** Colour of sub-tree `index` out of `count`, at middle strength; a single sub-tree is neutral. */
  subTree(index: number, count: number): string;
  /** Colour of a node: `step` 0 (one token) .. TRAFFIC_STEPS - 1 (all tokens); `index` null for the levels above. */
  traffic(index: number | null, count: number, step: number): string;
  /** Black or white, whichever reads better on a fill. */
  on(fill: string): string;
}

/** WCAG relative luminance of a CSS colour. */
export function luminance(color: string): number {
  const { r, g, b } = rgb(color);
  const channel = (value: number): number => {
    const scaled = value / 255;
    return scaled <= 0.03928 ? scaled / 12.92 : ((scaled + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
}

/** WCAG contrast ratio of two CSS colours, 1..21. */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Moves a colour's lightness away from the background until it has the asked contrast (or cannot move further). */
export function ensureContrast(color: string | HCLColor, background: string, ratio: number): string {
  const moved = typeof color === 'string' ? hcl(color) : color.copy();
  const step = luminance(background) > 0.18 ? -1 : 1;
  while (contrast(moved.formatHex(), background) < ratio && moved.l + step >= 0 && moved.l + step <= 100) {
    moved.l += step;
    // Very light and very dark colours hold little chroma; keeping it would clip to another hue.
    moved.c = Math.min(moved.c, 2.2 * Math.min(moved.l, 100 - moved.l) + 2);
  }
  return moved.formatHex();
}

/** Mixes two colours in sRGB: `share` 0 is `a`, 1 is `b`. */
export function mix(a: string, b: string, share: number): string {
  const [from, to] = [rgb(a), rgb(b)];
  const blend = (x: number, y: number): number => Math.round(x + (y - x) * share);
  return rgb(blend(from.r, to.r), blend(from.g, to.g), blend(from.b, to.b)).formatHex();
}

/** Lays a possibly translucent colour over an opaque one. */
function flatten(color: string, background: string): string {
  const over = rgb(color);
  return Number.isNaN(over.opacity) ? background : mix(background, over.copy({ opacity: 1 }).formatHex(), over.opacity);
}

function kindOf(body: HTMLElement): ThemeKind {
  if (body.classList.contains('vscode-high-contrast-light')) {
    return 'hc-light';
  }
  if (body.classList.contains('vscode-high-contrast')) {
    return 'hc-dark';
  }
  return body.classList.contains('vscode-light') ? 'light' : 'dark';
}

/** Reads the current theme. `surface` names the variable of the page's background. */
export function readTheme(surface: '--vscode-editor-background' | '--vscode-sideBar-background'): Theme {
  const style = getComputedStyle(document.documentElement);
  const variable = (...names: string[]): string | null => {
    for (const name of names) {
      const value = style.getPropertyValue(name).trim();
      if (value !== '') {
        return value;
      }
    }
    return null;
  };
  const kind = kindOf(document.body);
  const isLight = kind === 'light' || kind === 'hc-light';
  const background = variable(surface, '--vscode-editor-background') ?? (isLight ? '#ffffff' : '#1e1e1e');
  return deriveTheme(kind, {
    background,
    foreground: variable('--vscode-foreground', '--vscode-editor-foreground') ?? (isLight ? '#3b3b3b' : '#cccccc'),
    muted: variable('--vscode-descriptionForeground'),
    accent: variable('--vscode-focusBorder', '--vscode-charts-blue'),
    blue: variable('--vscode-charts-blue'),
    orange: variable('--vscode-charts-orange'),
    warning: variable('--vscode-editorWarning-foreground', '--vscode-charts-yellow'),
    fontFamily: variable('--vscode-font-family') ?? 'system-ui, sans-serif',
    monoFamily: variable('--vscode-editor-font-family') ?? 'monospace',
  });
}

/** The variables a theme is derived from; null where the theme leaves one out. */
export interface ThemeInput {
  background: string;
  foreground: string;
  muted: string | null;
  accent: string | null;
  blue: string | null;
  orange: string | null;
  warning: string | null;
  fontFamily: string;
  monoFamily: string;
}

/** Derives every colour from a theme's variables; pure, so that contrast can be tested per theme. */
export function deriveTheme(kind: ThemeKind, input: ThemeInput): Theme {
  const background = rgb(input.background).copy({ opacity: 1 }).formatHex();
  const foreground = flatten(input.foreground, background);
  const isLight = luminance(background) > 0.18;
  const isHighContrast = kind === 'hc-dark' || kind === 'hc-light';
  const mark = (color: string | null, fallback: string): string =>
    ensureContrast(flatten(color ?? fallback, background), background, isHighContrast ? 4.5 : 3);
  const anchorHue = hcl(flatten(input.blue ?? '#3794ff', background)).h || 260;
  const chroma = isHighContrast ? 62 : isLight ? 46 : 40;
  // Lightness of the weakest and the strongest traffic; the weakest is moved until it stands out at 3:1.
  const [weak, strong] = isLight ? [68, 30] : [46, 84];
  const hueOf = (index: number, count: number): number => anchorHue - (300 * index) / Math.max(count, 2);

  const colours = new Map<string, string>();
  const colour = (index: number | null, count: number, strength: number): string => {
    const key = `${index ?? '-'}/${count}/${strength}`;
    const known = colours.get(key);
    if (known !== undefined) {
      return known;
    }
    const at = (lightness: number): HCLColor =>
      index === null || count < 2
        ? hcl(anchorHue, isHighContrast ? 0 : 6, lightness)
        : hcl(hueOf(index, count), chroma, lightness);
    // Grades start where this hue first stands out, so that none is pushed past the next.
    const weakest = hcl(ensureContrast(at(weak), background, 3)).l;
    // Above the sub-trees nearly everything is visited by many: held back, so that the roof does not outweigh the house.
    const share = strength * (index === null ? 0.35 : 1);
    const result = ensureContrast(at(weakest + (strong - weakest) * share), background, 3);
    colours.set(key, result);
    return result;
  };

  return {
    kind,
    background,
    foreground,
    // Who asks for high contrast is not helped by text that stands back.
    muted: isHighContrast
      ? foreground
      : ensureContrast(flatten(input.muted ?? mix(background, foreground, 0.7), background), background, 4.5),
    hairline: mix(background, foreground, isHighContrast ? 0.34 : 0.16),
    empty: mix(background, foreground, isHighContrast ? 0.14 : isLight ? 0.055 : 0.075),
    accent: mark(input.accent, '#0078d4'),
    positive: mark(input.blue, '#3794ff'),
    negative: mark(input.orange, '#d18616'),
    warning: mark(input.warning, '#bf8803'),
    fontFamily: input.fontFamily,
    monoFamily: input.monoFamily,
    subTree: (index, count) => colour(index, count, 0.45),
    traffic: (index, count, step) => colour(index, count, step / (TRAFFIC_STEPS - 1)),
    on: (fill) => (contrast(fill, '#ffffff') >= contrast(fill, '#000000') ? '#ffffff' : '#000000'),
  };
}

/** Hands the derived colours to the style sheet, on an element of the page (the root's own style is VS Code's). */
export function applyTheme(element: HTMLElement, theme: Theme): void {
  element.style.setProperty('--soft', theme.muted);
  element.style.setProperty('--positive', theme.positive);
  element.style.setProperty('--negative', theme.negative);
  element.style.setProperty('--accent', theme.accent);
}

/** Calls back after the theme changed. VS Code swaps classes on body and variables on the root element. */
export function observeTheme(onChange: () => void): () => void {
  const observer = new MutationObserver(onChange);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-kind'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}
