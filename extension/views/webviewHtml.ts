/**
 * The page every webview starts from. It holds no data: a view asks for its state once its script runs, so nothing the
 * user selected can ever become markup here.
 */
import { randomBytes } from 'node:crypto';

/** The control toolkit probes for style support with one empty style element, which may be: the hash of nothing. */
const EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";

export type ViewName = 'trace' | 'sidebar' | 'benchmark';

export interface PageParts {
  view: ViewName;
  title: string;
  /** `webview.cspSource`. */
  cspSource: string;
  /** The view's bundle, as a webview URI. */
  scriptUri: string;
  styleUri: string;
}

/** A fresh page; its nonce is never used twice. */
export function webviewHtml({ view, title, cspSource, scriptUri, styleUri }: PageParts): string {
  const nonce = randomBytes(24).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} ${EMPTY_STYLE}`,
    `img-src ${cspSource} data: blob:`,
    `font-src ${cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${escapeAttribute(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>${escapeAttribute(title)}</title>
<link rel="stylesheet" href="${escapeAttribute(styleUri)}">
</head>
<body data-view="${view}">
<div id="app"></div>
<script nonce="${nonce}" src="${escapeAttribute(scriptUri)}"></script>
</body>
</html>
`;
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
