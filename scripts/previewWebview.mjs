/**
 * Pictures of the views without an editor: bundles them, serves them under the same policy as the extension with a
 * stand-in host, and photographs them in Chromium.
 *
 *   node scripts/previewWebview.mjs [--view trace|sidebar] [--theme light|dark|hc-dark|hc-light] [--width 900]
 *                                   [--query "tokens=128&state=running"] [--run "javascript"] [--out FILE.png]
 *                                   [--trace FILE.json] [--serve]
 *
 * `--view`, `--theme` and `--width` take lists; one picture each. `--trace` shows a trace that `fff-explorer trace`
 * computed instead of a made-up one. `--serve` prints the address and waits for Ctrl-C.
 */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    view: { type: 'string', default: 'trace' },
    theme: { type: 'string', default: 'light' },
    width: { type: 'string', default: '900' },
    height: { type: 'string', default: '900' },
    query: { type: 'string', default: '' },
    run: { type: 'string', default: '' },
    out: { type: 'string', default: 'preview.png' },
    trace: { type: 'string' },
    serve: { type: 'boolean', default: false },
  },
});

/**
 * @param {string} entry path within the repository
 * @returns {Promise<string>} the one file it bundles to
 */
async function bundle(entry) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(root, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'chrome128',
    legalComments: 'none',
    outdir: 'out',
  });
  return outputFiles.map(({ text }) => text).join('');
}

/** What is served, by path: content type and content. @type {Map<string, [string, string]>} */
const files = new Map();
for (const view of ['trace', 'sidebar']) {
  const script = await bundle(`webview/${view}/main.ts`);
  files.set(`/${view}.js`, ['text/javascript', script]);
  files.set(`/${view}.css`, ['text/css', await bundle(`webview/${view}/main.css`)]);
  console.log(`${view}.js ${Math.round(Buffer.byteLength(script) / 1000)} KB`);
}
files.set('/host.js', ['text/javascript', await bundle('test/webview/support/previewHost.ts')]);
const realTrace =
  options.trace === undefined
    ? ''
    : `window.realTraceText = ${JSON.stringify(fs.readFileSync(options.trace, 'utf8'))};`;

/**
 * @param {string} view
 * @param {string} theme
 */
function page(view, theme) {
  const { bodyClass, variables } = JSON.parse(
    fs.readFileSync(path.join(root, 'test/webview/themes', `${theme}.json`), 'utf8'),
  );
  const setUp = `${realTrace}
    for (const [name, value] of Object.entries(${JSON.stringify(variables)})) document.documentElement.style.setProperty(name, value);`;
  return `<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-n'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'">
<title>${view}</title><link rel="stylesheet" href="/${view}.css"></head>
<body data-view="${view}" class="${bodyClass}"><div id="app"></div>
<script nonce="n">${setUp}</script><script nonce="n" src="/host.js"></script><script nonce="n" src="/${view}.js"></script></body></html>`;
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const file = files.get(url.pathname);
  if (file !== undefined) {
    response.writeHead(200, { 'content-type': file[0] }).end(file[1]);
  } else if (url.pathname === '/') {
    const view = url.searchParams.get('view') ?? 'trace';
    response.setHeader('content-type', 'text/html').end(page(view, url.searchParams.get('theme') ?? 'light'));
  } else {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const bound = server.address();
if (bound === null || typeof bound === 'string') {
  throw new Error('The preview server got no port.');
}
const address = `http://127.0.0.1:${bound.port}/`;

if (options.serve) {
  console.log(`${address}?view=trace&theme=dark`);
} else {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  });
  for (const view of options.view.split(',')) {
    for (const theme of options.theme.split(',')) {
      for (const width of options.width.split(',')) {
        const tab = await browser.newPage({ viewport: { width: Number(width), height: Number(options.height) } });
        tab.on('console', (message) => console.log(`console ${message.type()}: ${message.text()}`));
        tab.on('pageerror', (error) => console.log(`page error: ${error.stack}`));
        await tab.goto(`${address}?view=${view}&theme=${theme}&${options.query}`);
        await tab.waitForTimeout(500);
        if (options.run !== '') {
          console.log(JSON.stringify(await tab.evaluate(options.run)));
          await tab.waitForTimeout(500);
        }
        const out = options.out.replace('%', `${view}-${theme}-${width}`);
        await tab.screenshot({ path: out, fullPage: true });
        console.log(out);
        await tab.close();
      }
    }
  }
  await browser.close();
  server.close();
}
