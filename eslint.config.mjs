/**
 * Type-aware lint, and the walls between the rooms of the house: who may import whom. A wall is a rule, not a habit.
 */
import tseslint from 'typescript-eslint';

const vscode = { name: 'vscode', message: 'This room must run without the editor.' };
const native = ['onnxruntime-node', 'onnxruntime-common', 'tokenizers'].map((name) => ({
  name,
  message: 'Native packages are loaded only by the runner (extension/runner).',
}));
const toolkit = { name: '@vscode/webview-ui-toolkit', message: 'Only webview/controls.ts knows the toolkit.' };
const addon = { regex: '\\.node$', message: 'The addon is loaded only by extension/runner/kernel.ts.' };
const noRunner = {
  regex: '/runner/(?!(client|process)$)',
  message: 'Only runner/client.ts and process.ts, the outside of the runner, may be imported here.',
};
const noWebview = { regex: '(^|/)webview/', message: 'The extension knows views by their protocol only.' };

/**
 * One wall: which imports are forbidden in some files.
 * @param {string[]} files
 * @param {{ paths?: object[], patterns?: object[], ignores?: string[] }} forbidden
 */
function wall(files, { paths = [], patterns = [], ignores = [] }) {
  return { files, ignores, rules: { 'no-restricted-imports': ['error', { paths, patterns }] } };
}

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'build/', '.venv/', 'node_modules/', 'test/fixtures/', 'kernels/', 'media/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json', './test/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // Event maps without payloads come out as `{}` on purpose.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // Numbers in messages are the point of this product.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Typed arrays under noUncheckedIndexedAccess need `!` in loops whose bounds prove it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Object types are written either way: a union is clearer as a type, a shape as an interface.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // `== null` is the one comparison that means two things on purpose.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },

  // ---- The walls -----------------------------------------------------------------------------------------------------
  wall(['extension/**/*.ts'], { paths: [...native, toolkit], patterns: [addon, noRunner, noWebview] }),
  wall(['extension/runner/**/*.ts'], {
    paths: [vscode, toolkit],
    patterns: [
      noWebview,
      { regex: '^(\\.\\./)+(views/|(session|commands|config)$)', message: 'The runner knows no editor.' },
    ],
    ignores: ['extension/runner/client.ts', 'extension/runner/process.ts'],
  }),
  // The runner as the extension sees it: the only part of its folder that runs in the host.
  wall(['extension/runner/{client,process}.ts'], { paths: [...native, toolkit], patterns: [addon, noWebview] }),
  {
    files: ['extension/{protocol,tree,leftOut,gains,laws,verdict}.ts', 'extension/protocol/**/*.ts'],
    rules: {
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '', allowTypeImports: true, message: 'Shared by all bundles: imports nothing that runs.' },
          ],
        },
      ],
    },
  },
  wall(['extension/{rpc,errors}.ts'], { paths: [vscode, ...native], patterns: [addon, noRunner, noWebview] }),
  // The terminal is the runner without the editor, in one process.
  wall(['extension/cli.ts', 'extension/cli/**/*.ts'], {
    paths: [vscode, ...native, toolkit],
    patterns: [addon, noWebview, { regex: '/(views|session|commands)(/|$)', message: 'The terminal knows no editor.' }],
  }),
  wall(['extension/views/**/*.ts'], {
    paths: [...native, toolkit],
    patterns: [addon, noWebview, { regex: '/runner/', message: 'Views know no model.' }],
  }),
  wall(['webview/**/*.ts'], {
    paths: [vscode, ...native, toolkit],
    patterns: [
      { regex: '^node:', message: 'A webview is a browser page.' },
      {
        regex: '/extension/(?!(protocol|tree|leftOut|gains|laws|verdict|passes)$)',
        message: 'A webview knows the protocol and what all bundles share, nothing else.',
      },
    ],
    ignores: ['webview/controls.ts', 'webview/host.ts'],
  }),
  // The view's end of the wire shares the one message pump.
  wall(['webview/host.ts'], {
    paths: [vscode, ...native, toolkit],
    patterns: [
      { regex: '/extension/(?!(protocol|rpc|errors)$)', message: 'The wire needs protocol, pump and errors.' },
    ],
  }),
  wall(['webview/controls.ts'], {
    paths: [vscode, ...native],
    patterns: [{ regex: '/extension/', message: 'Controls know no protocol.' }],
  }),

  {
    // The terminal's output is its purpose, and the tests print what they measured.
    files: ['extension/cli.ts', 'extension/cli/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.recommended],
    rules: { eqeqeq: 'error', 'prefer-const': 'error' },
  },
);
