import { describe, expect, it } from 'vitest';
import { findRepeatedKey } from '../../../extension/runner/checkpoint/jsonKeys';

describe('findRepeatedKey', () => {
  it.each([
    ['{}'],
    ['{"a": 1, "b": {"a": 2}}'],
    ['[{"a": 1}, {"a": 2}]'],
    ['{"a": "a", "b": ["a", "a", "b"]}'],
    ['{"a\\"": 1, "a": "\\"a\\": 1, "}'],
    ['"a"'],
  ])('finds none in %s', (json) => {
    expect(() => JSON.parse(json) as unknown).not.toThrow();
    expect(findRepeatedKey(json)).toBeNull();
  });

  it.each([
    ['{"a": 1, "a": 2}', 'a'],
    ['{"a": 1 , "\\u0061"\t:2}', 'a'],
    ['{"x": [{"in": 1, "out": {}, "in": 1}]}', 'in'],
    ['{"a": {"b": 1}, "c": "}", "a": 2}', 'a'],
    ['{"\\\\": 1, "\\\\": 2}', '\\'],
    ['{"__proto__": 1, "__proto__": 2}', '__proto__'],
  ])('finds it in %s', (json, key) => {
    expect(findRepeatedKey(json)).toBe(key);
  });
});
