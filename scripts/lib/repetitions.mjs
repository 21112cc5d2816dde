/** What several runs of one plan say together: whether intervals of the same ratio agree, and how often A/A holds 1. Pure. */

/** @typedef {{ median: number, low: number, high: number }} Interval */
/** @typedef {import('../../extension/runner/benchmark/result').BenchmarkResult} Result */
/** @typedef {import('../../extension/runner/benchmark/result').ResultRow} Row */
/** @typedef {{ name: string, intervals: Interval[], agreeing: number, repeats: boolean }} Ratio */
/** @typedef {{ run: number, name: string, ratio: Interval, passed: boolean }} SelfTest */

/** Of ten intervals of a ratio nine must share a value, and of ten self-tests nine must hold 1. */
const SHARE = 0.9;

/**
 * The largest number of intervals that share a value.
 * @param {readonly Interval[]} intervals
 */
export function agreeing(intervals) {
  // The shared value can be taken to be the lower end of one of them.
  return Math.max(
    0,
    ...intervals.map(({ low }) => intervals.filter((other) => other.low <= low && low <= other.high).length),
  );
}

/**
 * @param {number} count
 * @param {number} of
 */
export function isEnough(count, of) {
  return of > 0 && count >= SHARE * of;
}

/**
 * Every ratio that all runs have, with its interval in each. A best dense layer has none to itself, and where another
 * library won in another run there is nothing to compare.
 * @param {readonly Result[]} results
 * @returns {Ratio[]}
 */
export function ratiosOf(results) {
  /** @type {Map<string, Interval[]>} */
  const found = new Map();
  const add = (/** @type {string} */ name, /** @type {Interval | null} */ ratio) => {
    if (ratio !== null && !(ratio.low === 1 && ratio.high === 1)) {
      found.set(name, [...(found.get(name) ?? []), { median: ratio.median, low: ratio.low, high: ratio.high }]);
    }
  };
  for (const { rows, ladder } of results) {
    for (const row of rows) {
      add(`${rowName(row)} to best dense`, row.ratioToBestDense);
      add(`${rowName(row)} to best 3072`, row.ratioToBest3072);
    }
    for (const { tokens, layers, gainOverTwin, gainOver3072 } of ladder) {
      add(`encoder of ${layers} layers, ${tokens} tokens, over its dense twin`, gainOverTwin);
      add(`encoder of ${layers} layers, ${tokens} tokens, over 3072 neurons`, gainOver3072);
    }
  }
  return [...found]
    .filter(([, intervals]) => intervals.length === results.length)
    .map(([name, intervals]) => {
      const count = agreeing(intervals);
      return { name, intervals, agreeing: count, repeats: isEnough(count, intervals.length) };
    });
}

/**
 * @param {readonly Result[]} results
 * @returns {SelfTest[]}
 */
export function selfTestsOf(results) {
  return results.flatMap(({ selfTests }, run) =>
    selfTests.map(({ cell, engine, ratio, passed }) => ({
      run: run + 1,
      name: `${engine} against itself, batch ${cell.batch}, ${cell.width} wide, depth ${cell.depth}, ${cell.weights}`,
      ratio: { median: ratio.median, low: ratio.low, high: ratio.high },
      passed,
    })),
  );
}

/**
 * Everything the file holds beside the runs' own dates and machines.
 * @param {readonly Result[]} results
 */
export function summaryOf(results) {
  const ratios = ratiosOf(results);
  const selfTests = selfTestsOf(results);
  const held = selfTests.filter(({ passed }) => passed).length;
  const repeating = ratios.filter(({ repeats }) => repeats).length;
  return {
    runs: results.length,
    ratios: { total: ratios.length, repeating },
    selfTests: { total: selfTests.length, held, enough: isEnough(held, selfTests.length) },
    tables: { ratios, selfTests },
  };
}

/**
 * Both tables and one sentence each.
 * @param {ReturnType<typeof summaryOf>} summary
 */
export function reportOf({ runs, ratios, selfTests, tables }) {
  const width = Math.max(0, ...[...tables.ratios, ...tables.selfTests].map(({ name }) => name.length));
  const lines = tables.ratios.map(({ name, intervals, agreeing: count, repeats }) => {
    const medians = intervals.map(({ median }) => median);
    const range = `${three(Math.min(...medians))} to ${three(Math.max(...medians))}`;
    return `  ${name.padEnd(width)}  ${String(count).padStart(3)} of ${intervals.length} agree, medians ${range}${repeats ? '' : '  <- fewer than nine of ten'}`;
  });
  const tests = tables.selfTests.map(
    ({ run, name, ratio, passed }) =>
      `  ${name.padEnd(width)}  run ${String(run).padStart(2)}  [${three(ratio.low)}, ${three(ratio.high)}]${passed ? '' : '  <- does not hold 1'}`,
  );
  return [
    `Intervals of the same ratio in ${runs} runs:`,
    ...lines,
    `In ${ratios.repeating} of ${ratios.total} ratios at least nine of ten intervals share a value.`,
    '',
    'Intervals of an engine against itself (A/A):',
    ...tests,
    `${selfTests.held} of ${selfTests.total} hold 1 (${((100 * selfTests.held) / Math.max(1, selfTests.total)).toFixed(0)} %).`,
    '',
  ].join('\n');
}

/** @param {Row} row */
function rowName({ engine, precision, implementation, threads, batch, width, nodes, weights, distribution, layer }) {
  const stored = precision === 'fp32' ? '' : ` ${precision}`;
  const of = layer === null ? '' : `, layer ${layer}`;
  return `${engine}${stored} (${implementation}), batch ${batch}, ${width} wide, ${nodes} nodes, ${threads} threads, ${weights}, ${distribution}${of}`;
}

/** @param {number} value Three significant digits. */
function three(value) {
  return String(Number(value.toPrecision(3)));
}
