/**
 * `fff-explorer <command>`: finds the command, runs it, and turns whatever it throws into one line and an exit code.
 *
 * Commands are imported when they are called: `tokenize` must not fail because the kernel cannot be loaded.
 */
import { version } from '../../package.json';
import { assertNever, toWireError, type ErrorCode } from '../errors';
import { usageError } from './arguments';
import type { CliIo, Command } from './io';

const COMMANDS: Record<string, () => Promise<Command>> = {
  trace: async () => (await import('./trace')).traceCommand,
  verify: async () => (await import('./verify')).verifyCommand,
  tokenize: async () => (await import('./tokenize')).tokenizeCommand,
  usage: async () => (await import('./usage')).usageCommand,
  info: async () => (await import('./info')).infoCommand,
  bench: async () => (await import('./bench')).benchCommand,
};

/** Runs one command line (without the program's name) and returns the exit code. Never rejects. */
export async function runCli(args: string[], io: CliIo): Promise<number> {
  try {
    const [name, ...rest] = args;
    if (name === undefined) {
      throw usageError('A command is missing.');
    }
    if (name === '--version') {
      io.out(`${version}\n`);
      return 0;
    }
    const wantsHelp = name === 'help' || name === '--help' || name === '-h';
    if (wantsHelp || rest.includes('--help') || rest.includes('-h')) {
      io.out(await help(wantsHelp ? rest[0] : name));
      return 0;
    }
    return await (await find(name)).run(rest, io);
  } catch (thrown) {
    const error = toWireError(thrown);
    io.err(`fff-explorer: ${error.message}${error.action === undefined ? '' : ` ${error.action}`}\n`);
    return exitCodeOf(error.code);
  }
}

async function find(name: string): Promise<Command> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    throw usageError(`"${name}" is not a command.`);
  }
  return load();
}

async function help(name: string | undefined): Promise<string> {
  if (name !== undefined) {
    const command = await find(name);
    return `${command.summary}\n\n${command.usage}`;
  }
  const lines = await Promise.all(
    Object.entries(COMMANDS).map(async ([id, load]) => `  ${id.padEnd(10)}${(await load()).summary}\n`),
  );
  return `FFF Explorer ${version}: fast feedforward language models, seen and measured.

Usage: fff-explorer <command> [options]

${lines.join('')}  help      Explains a command: fff-explorer help trace

Without --model a command uses the model that came with the program.
Exit codes: 0 fine, 1 failed, 2 bad input.
`;
}

/** 2 where what the user handed in is at fault, 1 where something failed. */
function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'BAD_INPUT':
    case 'CHECKPOINT_NOT_FOUND':
    case 'CHECKPOINT_INVALID':
    case 'CHECKPOINT_UNSUPPORTED':
    case 'TOKENIZER_INVALID':
    case 'KERNEL_UNKNOWN_IMPLEMENTATION':
      return 2;
    case 'KERNEL_LOAD_FAILED':
    case 'KERNEL_REFUSED':
    case 'ONNXRUNTIME_FAILED':
    case 'OUT_OF_MEMORY':
    case 'RUNNER_EXITED':
    case 'RUNNER_GAVE_UP':
    case 'PROTOCOL_MISMATCH':
    case 'CANCELLED':
    case 'TIMED_OUT':
    case 'CHANNEL_CLOSED':
    case 'INTERNAL':
      return 1;
    default:
      return assertNever(code);
  }
}
