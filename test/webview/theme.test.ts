import { describe, expect, it } from 'vitest';
import {
  contrast,
  deriveTheme,
  ensureContrast,
  luminance,
  mix,
  observeTheme,
  readTheme,
  TRAFFIC_STEPS,
} from '../../webview/theme';
import { THEME_KINDS, themeOf } from './support/page';

describe('contrast', () => {
  it('follows WCAG', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
    expect(luminance('#ff0000')).toBeCloseTo(0.2126, 4);
  });

  it('can be ensured on any background', () => {
    for (const background of ['#ffffff', '#1e1e1e', '#002b36', '#fdf6e3', '#7f7f7f']) {
      for (const color of ['#3794ff', '#ffffff', '#000000', '#bf8803', '#888888']) {
        expect(contrast(ensureContrast(color, background, 3), background)).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('mixes in proportion', () => {
    expect(mix('#000000', '#ffffff', 0.2)).toBe('#333333');
  });
});

describe.each(THEME_KINDS)('%s theme', (kind) => {
  describe.each(['--vscode-editor-background', '--vscode-sideBar-background'])('on %s', (surface) => {
    const theme = themeOf(kind, surface);
    const marks = [2, 4, 8, 16, 32].flatMap((count) =>
      Array.from({ length: count }, (_, index) => index).flatMap((index) => [
        theme.subTree(index, count),
        ...Array.from({ length: TRAFFIC_STEPS }, (_, step) => theme.traffic(index, count, step)),
      ]),
    );

    it('shows every mark at 3:1 or more', () => {
      const roof = Array.from({ length: TRAFFIC_STEPS }, (_, step) => theme.traffic(null, 8, step));
      const all = [...marks, ...roof, theme.accent, theme.positive, theme.negative, theme.warning];
      expect(all.filter((color) => !(contrast(color, theme.background) >= 3))).toEqual([]);
    });

    it('shows text at 4.5:1 or more, on the page and on every mark', () => {
      expect(contrast(theme.foreground, theme.background)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(theme.muted, theme.background)).toBeGreaterThanOrEqual(4.5);
      expect(marks.filter((fill) => !(contrast(theme.on(fill), fill) >= 4.5))).toEqual([]);
    });

    it('gives the eight sub-trees eight colours, and traffic an order', () => {
      expect(new Set(Array.from({ length: 8 }, (_, index) => theme.subTree(index, 8))).size).toBe(8);
      const away = Array.from({ length: TRAFFIC_STEPS }, (_, step) =>
        contrast(theme.traffic(3, 8, step), theme.background),
      );
      expect(away).toEqual([...away].sort((a, b) => a - b));
    });
  });
});

describe('reading a theme from the page', () => {
  it('takes VS Code variables and the kind from the body, and falls back where a theme leaves gaps', () => {
    document.body.className = 'vscode-high-contrast-light vscode-high-contrast';
    document.documentElement.style.setProperty('--vscode-editor-background', '#fefefe');
    const theme = readTheme('--vscode-editor-background');
    expect(theme.kind).toBe('hc-light');
    expect(theme.background).toBe('#fefefe');
    expect(contrast(theme.muted, '#fefefe')).toBeGreaterThanOrEqual(4.5);
    document.body.className = 'vscode-dark';
    document.documentElement.style.removeProperty('--vscode-editor-background');
    expect(readTheme('--vscode-sideBar-background')).toMatchObject({ kind: 'dark', background: '#1e1e1e' });
    document.body.className = '';
  });

  it('flattens translucent text colours, and lets no text stand back in high contrast', () => {
    const input = {
      background: '#000000',
      foreground: '#ffffff',
      muted: 'rgba(255, 255, 255, 0.7)',
      accent: null,
      blue: null,
      orange: null,
      warning: null,
      fontFamily: '',
      monoFamily: '',
    };
    expect(deriveTheme('dark', input).muted).toMatch(/^#b[0-9a-f]b[0-9a-f]b[0-9a-f]$/);
    expect(deriveTheme('hc-dark', input).muted).toBe('#ffffff');
  });

  it('notices when the theme changes, until told not to', async () => {
    let changes = 0;
    const stop = observeTheme(() => changes++);
    document.body.classList.add('vscode-light');
    await Promise.resolve();
    document.documentElement.style.setProperty('--vscode-foreground', '#123456');
    await Promise.resolve();
    expect(changes).toBe(2);
    stop();
    document.body.classList.remove('vscode-light');
    await Promise.resolve();
    expect(changes).toBe(2);
  });
});
