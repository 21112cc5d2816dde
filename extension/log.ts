/**
 * What the host writes down. There is one channel, *FFF Explorer* in the Output view; stacks go there and nowhere else.
 *
 * The interface is a part of VS Code's `LogOutputChannel`, so that the channel itself is passed around and tests hand in
 * an array.
 */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A thrown value with its stack and the chain of its causes, for the log. */
export function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) {
    return String(thrown);
  }
  const own = thrown.stack ?? `${thrown.name}: ${thrown.message}`;
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${describeThrown(thrown.cause)}`;
}
