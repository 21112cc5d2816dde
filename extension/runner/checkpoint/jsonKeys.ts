/**
 * Finds object keys that a JSON text repeats. `JSON.parse` keeps the last of two equal keys in silence, which would let
 * a weights header describe one tensor twice and be read differently by different programs.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The first key that occurs twice within one object, or null. Escapes are resolved, so `"a"` and `"\u0061"` are equal.
 * @param json Text that `JSON.parse` accepts; for other text the answer means nothing.
 */
export function findRepeatedKey(json: string): string | null {
  // One entry an open bracket: the keys seen so far of an object, null for an array.
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '{') {
      open.push(new Set());
    } else if (character === '[') {
      open.push(null);
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(json, i);
      const keys = open.at(-1);
      if (keys && isFollowedByColon(json, end)) {
        const key = JSON.parse(json.slice(i, end + 1)) as string;
        if (keys.has(key)) {
          return key;
        }
        keys.add(key);
      }
      i = end;
    }
  }
  return null;
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json.charCodeAt(i) !== QUOTE) {
    i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  }
  return i;
}

function isFollowedByColon(json: string, end: number): boolean {
  let i = end + 1;
  while (i < json.length && ' \t\r\n'.includes(json[i]!)) {
    i++;
  }
  return json[i] === ':';
}
