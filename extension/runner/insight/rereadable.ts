/**
 * Values read from a file that can be read again: shared by whoever asks while one is at hand, and given up when the
 * garbage collector wants the memory. Weights of a layer or the embedding are tens of megabytes; keeping them for good
 * would double the runner, reading them for every click would make it slow.
 */
export class Rereadable<Key, Value extends object> {
  private readonly kept = new Map<Key, WeakRef<Value>>();
  private readonly reading = new Map<Key, Promise<Value>>();

  constructor(private readonly read: (key: Key) => Promise<Value>) {}

  /** The value, read at most once at a time; a failed read is tried again by the next caller. */
  async get(key: Key): Promise<Value> {
    const value = this.kept.get(key)?.deref();
    if (value !== undefined) {
      return value;
    }
    let reading = this.reading.get(key);
    if (reading === undefined) {
      reading = this.read(key).finally(() => this.reading.delete(key));
      this.reading.set(key, reading);
    }
    const read = await reading;
    this.kept.set(key, new WeakRef(read));
    return read;
  }
}
