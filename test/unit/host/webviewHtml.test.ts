import { createHash } from 'node:crypto';
import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { webviewHtml, type PageParts } from '../../../extension/views/webviewHtml';

const PARTS: PageParts = {
  view: 'trace',
  title: 'FFF Trace',
  cspSource: "'self' https://*.example.net",
  scriptUri: 'https://host/dist/webview/trace.js',
  styleUri: 'https://host/dist/webview/trace.css',
};

function parse(html: string): { document: Document; policy: Map<string, string> } {
  const { document } = new JSDOM(html).window;
  const content = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '';
  const policy = new Map(
    content.split(';').map((rule): [string, string] => {
      const [name = '', ...sources] = rule.trim().split(' ');
      return [name, sources.join(' ')];
    }),
  );
  return { document, policy };
}

describe('webviewHtml', () => {
  it('allows what it names and nothing else', () => {
    const { document, policy } = parse(webviewHtml(PARTS));
    const nonce = document.querySelector('script')?.getAttribute('nonce') ?? '';
    expect(nonce.length).toBeGreaterThanOrEqual(32);
    expect([...policy]).toEqual([
      ['default-src', "'none'"],
      ['script-src', `'nonce-${nonce}'`],
      ['style-src', `${PARTS.cspSource} 'sha256-${createHash('sha256').update('').digest('base64')}'`],
      ['img-src', `${PARTS.cspSource} data: blob:`],
      ['font-src', PARTS.cspSource],
    ]);
    expect(webviewHtml(PARTS)).not.toMatch(/unsafe-|\*;|onload|javascript:/);
  });

  it('has no inline script or style for the policy to allow', () => {
    const { document } = parse(webviewHtml(PARTS));
    const scripts = [...document.querySelectorAll('script')];
    expect(scripts.map((script) => [script.src, script.textContent])).toEqual([[PARTS.scriptUri, '']]);
    expect(document.querySelectorAll('style, [style]')).toHaveLength(0);
    expect(document.querySelector('link')?.getAttribute('href')).toBe(PARTS.styleUri);
  });

  it('is what the views expect to find', () => {
    for (const view of ['trace', 'sidebar'] as const) {
      const { document } = parse(webviewHtml({ ...PARTS, view }));
      expect(document.body.dataset['view']).toBe(view);
      expect(document.body.querySelector('#app')?.childNodes).toHaveLength(0);
      expect(document.documentElement.lang).toBe('en');
    }
  });

  it('never uses a nonce twice', () => {
    const nonces = Array.from({ length: 50 }, () => /nonce-([^']+)'/.exec(webviewHtml(PARTS))?.[1]);
    expect(new Set(nonces).size).toBe(50);
  });

  it('lets nothing it is given become markup', () => {
    const evil = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`;
    const { document } = parse(
      webviewHtml({ view: 'trace', title: evil, cspSource: evil, scriptUri: `a${evil}`, styleUri: `b${evil}` }),
    );
    expect(document.querySelectorAll('script')).toHaveLength(1);
    expect(document.querySelectorAll('img')).toHaveLength(0);
    expect(document.title).toBe(evil);
  });
});
