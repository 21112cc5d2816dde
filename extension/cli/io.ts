/** What a command sees of the terminal: tests hand in another one. */
export interface CliIo {
  /** Writes to standard output as it is, without adding a line end. */
  out(text: string): void;
  /** Writes to standard error as it is. */
  err(text: string): void;
  /** Columns of the terminal that standard error is; null where it is none and no progress should be written over. */
  errColumns: number | null;
  /** All of standard input. */
  stdin(): Promise<Uint8Array>;
  /** Whether escape sequences for colour may be written. */
  color: boolean;
  /** Folder of the model that came with the program. */
  defaultModel: string;
}

/** A command of the program. */
export interface Command {
  /** One line for the overview. */
  summary: string;
  /** Everything `help <command>` prints below the summary. */
  usage: string;
  /** Exit code: 0, or 1 where the command's own answer is no. Everything else is thrown. */
  run(args: string[], io: CliIo): Promise<number>;
}
