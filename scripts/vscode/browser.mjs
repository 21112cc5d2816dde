/** Chromium as the tests start it: the machine's own, quiet, without asking the network for anything by itself. */
import { findBrowser, missingTools } from '../setup.mjs';

/** @returns {import('playwright-core').LaunchOptions} */
export function browserOptions() {
  const executablePath = findBrowser();
  if (executablePath === undefined) {
    throw new Error(missingTools(['browser']));
  }
  return {
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Nothing but this machine has a name, so nothing can be fetched from elsewhere even by mistake.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  };
}
