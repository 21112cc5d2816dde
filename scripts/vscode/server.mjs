/**
 * One running VS Code: the server and web workbench of install.mjs on 127.0.0.1, with state folders of its own that are
 * fresh for every start (hot exit would restore the last run's untitled files) and removed afterwards.
 */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { cleanEnvironment, run, start, stop } from '../lib/process.mjs';
import { inRoot } from '../lib/paths.mjs';
import { installVscode } from './install.mjs';

/** Settings that keep the editor still: no start page, no updates, no recommendations, no assistants. */
const quietSettings = {
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.editor.useModal': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': 'off',
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'files.hotExit': 'off',
  'security.workspace.trust.startupPrompt': 'never',
};

export class VscodeServer {
  /** @type {import('node:child_process').ChildProcess} */
  #child;
  /** @type {string} */
  #state;
  /** @type {Record<string, unknown>} */
  #settings;
  /** @type {string | undefined} */
  #token;

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string} state
   * @param {number} port
   * @param {Record<string, unknown>} settings
   * @param {string | undefined} token
   */
  constructor(child, state, port, settings, token) {
    this.#child = child;
    this.#state = state;
    this.#settings = settings;
    this.#token = token;
    this.port = port;
  }

  /**
   * Installs the line when needed, installs the given VSIX into it and starts it.
   * @param {{
   *   line: 'current' | 'minimum',
   *   vsix?: string,
   *   extensions?: string,
   *   settings?: Record<string, unknown>,
   *   keybindings?: { key: string, command: string, args?: unknown }[],
   *   smokeTestDriver?: boolean,
   *   trustPrompt?: boolean,
   *   token?: string,
   *   env?: Record<string, string>,
   *   log?: (line: string) => void,
   * }} options `extensions` is a folder of installExtension, which is copied, in place of a `vsix` that is installed at
   *   every start; `smokeTestDriver` lets tests run inside the extension host; `trustPrompt` leaves workspace trust on;
   *   only addresses with the `token`, if there is one, are served; `env` is added to the server's environment, which the
   *   extension host inherits
   */
  static async start(options) {
    const { node, server } = await installVscode(options.line, options.log);
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-vscode-'));
    const settings = { ...quietSettings, ...options.settings };
    const user = path.join(state, 'user', 'User');
    fs.mkdirSync(user, { recursive: true });
    fs.writeFileSync(path.join(user, 'settings.json'), JSON.stringify(settings));
    fs.writeFileSync(path.join(user, 'keybindings.json'), JSON.stringify(options.keybindings ?? []));
    const extensions = path.join(state, 'extensions');
    if (options.extensions !== undefined) {
      fs.cpSync(options.extensions, extensions, { recursive: true });
    } else if (options.vsix !== undefined) {
      await installExtension(options.line, options.vsix, extensions);
    }
    const port = await freePort();
    const child = start(
      process.execPath,
      [
        inRoot('scripts/lib/keeper.mjs'),
        node,
        server,
        ...stateFolders(state, extensions),
        ...['--host', '127.0.0.1', '--port', String(port)],
        ...(options.token === undefined ? ['--without-connection-token'] : ['--connection-token', options.token]),
        ...['--telemetry-level', 'off', '--reconnection-grace-time', '5'],
        ...(options.trustPrompt === true ? [] : ['--disable-workspace-trust']),
        ...(options.smokeTestDriver === true ? ['--enable-smoke-test-driver'] : []),
      ],
      // Without a gallery the editor asks nobody about extensions.
      { env: cleanEnvironment({ EXTENSIONS_GALLERY: '{}', ...options.env }), stdio: ['pipe', 'pipe', 'pipe'] },
    );
    await listening(child, port);
    return new VscodeServer(child, state, port, settings, options.token);
  }

  /** Where installed extensions lie. */
  get extensionsFolder() {
    return path.join(this.#state, 'extensions');
  }

  /**
   * Address of the workbench.
   * @param {{ folder?: string, payload?: [string, string][] }} open folder to open; `payload` is the workbench's own
   *   list of environment values
   */
  address({ folder, payload }) {
    const query = new URLSearchParams();
    if (this.#token !== undefined) {
      query.set('tkn', this.#token);
    }
    if (folder !== undefined) {
      query.set('folder', folder);
    }
    if (payload !== undefined) {
      query.set('payload', JSON.stringify(payload));
    }
    return `http://127.0.0.1:${this.port}/?${query.toString()}`;
  }

  /** The user's settings.json. */
  get settingsFile() {
    return path.join(this.#state, 'user', 'User', 'settings.json');
  }

  /**
   * Text of settings.json with some settings changed, in one line: an editor indents lines as they are typed. Writing it
   * to the file is left to the workbench: it does not reliably notice another process doing so.
   * @param {Record<string, unknown>} changes
   */
  changedSettings(changes) {
    this.#settings = { ...this.#settings, ...changes };
    return JSON.stringify(this.#settings);
  }

  /** Ends the server with everything it started, and removes its state. */
  async stop() {
    await stop(this.#child);
    fs.rmSync(this.#state, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Resolves when the server is gone, whoever ended it. */
  exited() {
    return new Promise((resolve) => this.#child.once('exit', resolve));
  }
}

/**
 * Installs a VSIX into a folder of extensions; the line itself is installed when needed.
 * @param {'current' | 'minimum'} line
 * @param {string} vsix
 * @param {string} extensions the folder, made where it is missing
 */
export async function installExtension(line, vsix, extensions) {
  const { node, server } = await installVscode(line);
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'fff-explorer-install-'));
  try {
    const { code, output } = await run(node, [server, ...stateFolders(state, extensions), '--install-extension', vsix]);
    // The server exits with 0 even when the package was refused.
    if (code !== 0 || !output.includes('was successfully installed')) {
      throw new Error(`VS Code refused ${vsix}.\n${output}`);
    }
  } finally {
    fs.rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/**
 * Where a server keeps what.
 * @param {string} state
 * @param {string} extensions
 */
function stateFolders(state, extensions) {
  return [
    ...['--server-data-dir', path.join(state, 'server')],
    ...['--user-data-dir', path.join(state, 'user')],
    ...['--extensions-dir', extensions],
    '--accept-server-license-terms',
  ];
}

/**
 * A port nobody listens on.
 * @returns {Promise<number>}
 */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * Waits until the server accepts connections.
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} port
 */
async function listening(child, port) {
  let output = '';
  child.stdout
    ?.setEncoding('utf8')
    .on('data', (/** @type {string} */ text) => (output = (output + text).slice(-20_000)));
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (/** @type {string} */ text) => (output = (output + text).slice(-20_000)));
  const deadline = Date.now() + 60_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop(child);
      throw new Error(`VS Code did not start.\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
