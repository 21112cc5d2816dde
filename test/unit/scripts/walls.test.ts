/** The walls between the folders stand: lint refuses what a room must not know, and nothing else. */
import path from 'node:path';
import { ESLint } from 'eslint';
import { beforeAll, expect, test, vi } from 'vitest';
import { inRoot } from '../../../scripts/lib/paths.mjs';

let eslint: ESLint;

beforeAll(() => {
  // Where CI is set, the parser reads every file from disk once and would not look at the texts given here.
  vi.stubEnv('TSESTREE_SINGLE_RUN', 'false');
  eslint = new ESLint({ cwd: inRoot(), ruleFilter: ({ ruleId }) => ruleId.endsWith('no-restricted-imports') });
});

test.each([
  ['extension/protocol.ts', "import './errors'", false],
  ['extension/protocol.ts', "import type { ErrorCode } from './errors'", true],
  ['extension/protocol/trace.ts', "import type { ModelInfo } from './model'", true],
  ['extension/protocol/trace.ts', "import './model'", false],
  ['extension/session.ts', "import './runner/client'", true],
  ['extension/session.ts', "import './runner/tracer'", false],
  ['extension/session.ts', "import 'onnxruntime-node'", false],
  ['extension/session.ts', "import '../webview/dom'", false],
  ['extension/views/views.ts', "import '../runner/client'", false],
  ['extension/runner/engine.ts', "import 'vscode'", false],
  ['extension/runner/engine.ts', "import '../session'", false],
  ['extension/runner/engine.ts', "import 'tokenizers'", true],
  ['extension/runner/client.ts', "import 'vscode'", true],
  ['extension/runner/client.ts', "import 'tokenizers'", false],
  ['extension/cli.ts', "import './runner/tracer'", true],
  ['extension/cli.ts', "import 'vscode'", false],
  ['webview/store.ts', "import '../extension/protocol'", true],
  ['webview/store.ts', "import '../extension/gains'", true],
  ['webview/charts/passShare.ts', "import '../../extension/leftOut'", true],
  ['extension/gains.ts', "import './tree'", false],
  ['extension/leftOut.ts', "import './protocol'", false],
  ['webview/store.ts', "import '../extension/session'", false],
  ['webview/store.ts', "import '@vscode/webview-ui-toolkit'", false],
  ['webview/controls.ts', "import '@vscode/webview-ui-toolkit'", true],
])('%s: %s', async (file, statement, allowed) => {
  const [result] = await eslint.lintText(`${statement};\n`, { filePath: inRoot(...file.split(path.posix.sep)) });
  expect(result!.messages.filter(({ ruleId }) => ruleId !== null)).toHaveLength(allowed ? 0 : 1);
});
