/** The checkpoint folder as files: what is there, what is missing, and the configuration as parsed JSON. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { FffError } from '../../errors';

export const WEIGHTS = 'model.safetensors';
export const CHOOSE = 'Choose a folder with config.json and model.safetensors.';
/** A configuration is a few kilobytes; anything this large is some other file. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Names in a folder. @throws FffError CHECKPOINT_NOT_FOUND when it is missing, no folder or unreadable. */
export async function listFolder(folder: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new FffError('CHECKPOINT_NOT_FOUND', `The folder ${folder} does not exist.`, CHOOSE, { cause });
    }
    const what = code === 'ENOTDIR' ? 'is not a folder' : `cannot be read: ${(cause as Error).message}`;
    throw new FffError('CHECKPOINT_NOT_FOUND', `${folder} ${what}.`, CHOOSE, { cause });
  }
}

/** Why a folder without `model.safetensors` cannot be opened, as one sentence. */
export function describeMissingWeights(folder: string, files: ReadonlySet<string>): string {
  if (files.has(`${WEIGHTS}.index.json`)) {
    return `${folder} holds its weights in several safetensors files, and one single ${WEIGHTS} is needed.`;
  }
  if (files.has('pytorch_model.bin')) {
    return `${folder} holds its weights as pytorch_model.bin only, and ${WEIGHTS} is needed.`;
  }
  return `${folder} is no checkpoint: it has no ${WEIGHTS}.`;
}

/** Parses a configuration file. @throws FffError CHECKPOINT_INVALID when it is unreadable, too large or no JSON. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    const info = await stat(file);
    if (!info.isFile() || info.size > MAX_CONFIG_BYTES) {
      throw new FffError('CHECKPOINT_INVALID', `${file} is not a configuration file.`, 'Restore the original file.');
    }
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof FffError) {
      throw cause;
    }
    throw new FffError(
      'CHECKPOINT_INVALID',
      `${file} cannot be read: ${(cause as Error).message}.`,
      'Check the file.',
      { cause },
    );
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new FffError('CHECKPOINT_INVALID', `${file} is not valid JSON.`, 'Restore the original file.', { cause });
  }
}
