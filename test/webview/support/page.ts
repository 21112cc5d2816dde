/** What chart tests share: a theme, a container, listener bookkeeping and rounding of pictures for snapshots. */
import { deriveTheme, type Theme, type ThemeInput, type ThemeKind } from '../../../webview/theme';
import dark from '../themes/dark.json';
import hcDark from '../themes/hc-dark.json';
import hcLight from '../themes/hc-light.json';
import light from '../themes/light.json';

const FILES: Record<ThemeKind, { variables: Record<string, string> }> = {
  light,
  dark,
  'hc-dark': hcDark,
  'hc-light': hcLight,
};
export const THEME_KINDS = Object.keys(FILES) as ThemeKind[];

/** A theme as derived from VS Code's own variables. */
export function themeOf(kind: ThemeKind, surface = '--vscode-editor-background'): Theme {
  const { variables } = FILES[kind];
  const input: ThemeInput = {
    background: variables[surface] ?? '',
    foreground: variables['--vscode-foreground'] ?? '',
    muted: variables['--vscode-descriptionForeground'] ?? null,
    accent: variables['--vscode-focusBorder'] ?? null,
    blue: variables['--vscode-charts-blue'] ?? null,
    orange: variables['--vscode-charts-orange'] ?? null,
    warning: variables['--vscode-editorWarning-foreground'] ?? null,
    fontFamily: 'sans-serif',
    monoFamily: 'monospace',
  };
  return deriveTheme(kind, input);
}

const LIGHT = themeOf('light');
export const lightTheme = (): Theme => LIGHT;

export function container(): HTMLElement {
  const element = document.createElement('div');
  document.body.append(element);
  return element;
}

/** Markup with every number rounded to a tenth, so that snapshots do not hang on the last bits. */
export function rounded(markup: string): string {
  return markup
    .replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10))
    .replace(/></g, '>\n<');
}

/**
 * Counts listeners that were added and not removed while `act` ran, on any target.
 *
 * @returns a line a listener left behind.
 */
export function listenersLeftBy(act: () => void): string[] {
  // The selector engine of jsdom keeps two listeners of its own from its first query on.
  document.querySelector('body');
  const left = new Map<EventTarget, string[]>();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (this: EventTarget, type: string, ...rest: unknown[]) {
    left.set(this, [...(left.get(this) ?? []), type]);
    (addEventListener as (...all: unknown[]) => void).call(this, type, ...rest);
  };
  EventTarget.prototype.removeEventListener = function (this: EventTarget, type: string, ...rest: unknown[]) {
    const types = left.get(this) ?? [];
    const at = types.indexOf(type);
    if (at >= 0) {
      types.splice(at, 1);
    }
    (removeEventListener as (...all: unknown[]) => void).call(this, type, ...rest);
  };
  try {
    act();
  } finally {
    EventTarget.prototype.addEventListener = addEventListener;
    EventTarget.prototype.removeEventListener = removeEventListener;
  }
  return [...left].flatMap(([target, types]) => types.map((type) => `${type} on ${target.constructor.name}`));
}
