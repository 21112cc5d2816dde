/** The part of `vscode` that editors of files read through, on files that a test makes up. */

/** Contents by path. */
export const disk = new Map<string, string>();

/** For `vi.mock('vscode', …)`. */
export const vscode = {
  workspace: {
    fs: {
      readFile: ({ path }: { path: string }) => {
        const text = disk.get(path);
        return text === undefined
          ? Promise.reject(new Error(`ENOENT: no such file, open '${path}'`))
          : Promise.resolve(new TextEncoder().encode(text));
      },
    },
  },
};
