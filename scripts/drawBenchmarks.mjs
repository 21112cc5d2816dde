// Draws the pictures of docs/performance.md and prints its tables from the results kept under docs/benchmarks/results.
//
//   node scripts/drawBenchmarks.mjs
//
// A result is what `fff-explorer bench --plan docs/benchmarks/plans/NAME.json --json` prints. Laws are fitted by the very
// code that the terminal uses. Nothing here measures.
import { build } from 'esbuild';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'docs', 'benchmarks');

/** @typedef {import('../extension/runner/benchmark/result').ResultRow} Row */

/**
 * A result file, or null where that plan was not measured.
 * @param {string} name
 */
function read(name) {
  const file = join(folder, 'results', `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/** The law fits of the terminal, bundled in memory. */
async function laws() {
  const entry = join(root, 'extension', 'laws.ts');
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'node' });
  const code = Buffer.from(bundle.outputFiles[0]?.contents ?? []).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

/** @param {Row} row */
function label(row) {
  const precision = row.precision === 'fp32' ? '' : ` ${row.precision}`;
  return `${row.engine}${precision} (${row.implementation})`;
}

/** @param {number} value Three significant digits. */
const short = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/**
 * A table of ratios: one line an engine, one column a batch; quotients of medians with their interval, and of the 5th
 * percentiles, which a busy machine disturbs less.
 * @param {string} name
 */
function printReach(name) {
  const result = read(name);
  if (result === null) {
    return;
  }
  /** @type {Row[]} */
  const rows = result.rows;
  const batches = [...new Set(rows.map(({ batch }) => batch))].sort((a, b) => a - b);
  console.log(`\n## ${name} (${result.environment.recordedAt}, load ${result.environment.loadAverage})\n`);
  console.log(`| engine | ${batches.join(' | ')} |\n|---|${batches.map(() => '---').join('|')}|`);
  for (const engine of new Set(rows.map(label))) {
    const cells = batches.map((batch) => {
      const row = rows.find((candidate) => candidate.batch === batch && label(candidate) === engine);
      if (row === undefined) {
        return '';
      }
      const time = `${short(row.microsecondsPerToken.median)} (P5 ${short(row.microsecondsPerToken.p5)}) µs`;
      if (row.engine !== 'fff' || row.ratioToBestDense === null) {
        return time;
      }
      const { median, low, high } = row.ratioToBestDense;
      const dense = rows.filter((other) => other.batch === batch && /-twin$/.test(other.engine));
      const best = Math.min(...dense.map((other) => other.microsecondsPerToken.p5));
      const quiet = short(best / row.microsecondsPerToken.p5);
      return `${short(median)} [${short(low)}, ${short(high)}], P5 ${quiet}; ${time}`;
    });
    console.log(`| ${engine} | ${cells.join(' | ')} |`);
  }
}

const COLOURS = ['#0b6e99', '#c2571a', '#4b8b3b', '#7b4ea3', '#a33b4e', '#6b6b6b', '#b58900', '#2aa198'];

/**
 * A chart with logarithmic axes.
 * @param {{title: string, x: string, y: string, series: {name: string, dashed?: boolean, points: {x: number, y: number}[]}[]}} chart
 */
function svg({ title, x: xTitle, y: yTitle, series }) {
  const width = 760;
  const height = 440;
  const box = { left: 70, right: 250, top: 46, bottom: 54 };
  const all = series.flatMap(({ points }) => points);
  /** @param {'x' | 'y'} axis */
  const range = (axis) => {
    const values = all.map((point) => Math.log10(point[axis]));
    return { low: Math.min(...values) - 0.05, high: Math.max(...values) + 0.08 };
  };
  const horizontal = range('x');
  const vertical = range('y');
  /** @param {number} value */
  const px = (value) =>
    box.left +
    ((Math.log10(value) - horizontal.low) / (horizontal.high - horizontal.low)) * (width - box.left - box.right);
  /** @param {number} value */
  const py = (value) =>
    height -
    box.bottom -
    ((Math.log10(value) - vertical.low) / (vertical.high - vertical.low)) * (height - box.top - box.bottom);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${box.left}" y="24" font-size="15" fill="#222222">${title}</text>`,
  ];
  for (let power = Math.floor(vertical.low); power <= vertical.high; power++) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (Math.log10(value) >= vertical.low && Math.log10(value) <= vertical.high) {
        const y = py(value).toFixed(1);
        parts.push(`<path d="M${box.left} ${y}H${width - box.right}" stroke="#dddddd"/>`);
        parts.push(
          `<text x="${box.left - 8}" y="${(Number(y) + 4).toFixed(1)}" text-anchor="end" fill="#444444">${value >= 1 ? value : value.toPrecision(1)}</text>`,
        );
      }
    }
  }
  for (const value of [...new Set(all.map((point) => point.x))].sort((a, b) => a - b)) {
    parts.push(
      `<text x="${px(value).toFixed(1)}" y="${height - box.bottom + 18}" text-anchor="middle" fill="#444444">${value}</text>`,
    );
  }
  parts.push(
    `<text x="${(box.left + width - box.right) / 2}" y="${height - 14}" text-anchor="middle" fill="#222222">${xTitle}</text>`,
  );
  parts.push(
    `<text transform="translate(18 ${(box.top + height - box.bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#222222">${yTitle}</text>`,
  );
  series.forEach(({ name, points, dashed }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const line = points
      .map((point, i) => `${i === 0 ? 'M' : 'L'}${px(point.x).toFixed(1)} ${py(point.y).toFixed(1)}`)
      .join('');
    parts.push(
      `<path d="${line}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
    );
    if (!dashed) {
      points.forEach((point) =>
        parts.push(`<circle cx="${px(point.x).toFixed(1)}" cy="${py(point.y).toFixed(1)}" r="3" fill="${colour}"/>`),
      );
    }
    const y = box.top + 14 + index * 20;
    parts.push(
      `<path d="M${width - box.right + 14} ${y - 4}h22" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
    );
    parts.push(`<text x="${width - box.right + 42}" y="${y}" fill="#222222">${name}</text>`);
  });
  return `${parts.join('\n')}\n</svg>\n`;
}

/**
 * One series an engine (and batch, where there are several) of P5 times a token.
 * @param {Row[]} rows
 * @param {(row: Row) => number} x
 * @param {(row: Row) => string} name
 */
function seriesOf(rows, x, name) {
  return [...new Set(rows.map(name))].map((of) => ({
    name: of,
    points: rows
      .filter((row) => name(row) === of)
      .map((row) => ({ x: x(row), y: row.microsecondsPerToken.p5 }))
      .sort((a, b) => a.x - b.x),
  }));
}

/**
 * @param {string} name
 * @param {Parameters<typeof svg>[0]} chart
 */
function draw(name, chart) {
  writeFileSync(join(folder, `${name}.svg`), svg(chart));
  console.log(`docs/benchmarks/${name}.svg`);
}

const depth = read('depth');
if (depth !== null) {
  draw('depth', {
    title: 'Time against depth, width 768, one thread',
    x: 'levels visited (depth + 1)',
    y: 'µs a token (P5)',
    series: seriesOf(
      depth.rows,
      ({ levels }) => levels,
      (row) => `${row.engine} ${row.precision}, batch ${row.batch}`,
    ),
  });
}
const batch = read('batch');
const probe = read('probe');
if (batch !== null) {
  /** @type {{name: string, dashed?: boolean, points: {x: number, y: number}[]}[]} */
  const series = seriesOf(
    batch.rows,
    (row) => row.batch,
    (row) => `${row.engine} ${row.precision}`,
  );
  if (probe !== null) {
    // What reading the distinct rows of a call, the tokens and the outputs takes at the probe's rate on 24 MB of rows.
    const roof = probe.rows.find((/** @type {{kilobytes: number}} */ entry) => entry.kilobytes === 24576).atRandom.best;
    const rows = batch.rows.filter((/** @type {Row} */ row) => row.engine === 'fff' && row.precision === 'fp32');
    series.push({
      name: `fp32 bytes at ${roof} GB/s`,
      dashed: true,
      points: rows.map((/** @type {Row} */ row) => ({
        x: row.batch,
        y: ((row.bytesTouched ?? 0) / row.batch + 2 * 4 * row.width) / (roof * 1000),
      })),
    });
  }
  draw('batch', {
    title: 'Time against batch, width 768, depth 11, one thread',
    x: 'tokens in a call',
    y: 'µs a token (P5)',
    series,
  });
}
['reach-768', 'reach-768-again', 'reach-768-16384', 'reach-256', 'reach-cold'].forEach(printReach);
// On P5, as the pictures: on a busy machine the median of a short call is that of the machine's scheduler.
/** @param {Row} row */
const undisturbed = (row) => ({
  ...row,
  microsecondsPerToken: { ...row.microsecondsPerToken, median: row.microsecondsPerToken.p5 },
});
const { growthOf } = await laws();
for (const name of ['depth', 'width', 'batch', 'threads']) {
  const result = read(name);
  for (const { row, variable, law } of result === null ? [] : growthOf(result.rows.map(undisturbed))) {
    const text =
      law.form === 'linear'
        ? `${short(law.fixed)} + ${short(law.each)} x`
        : `${short(law.factor)} x^${law.exponent.toFixed(2)}`;
    console.log(
      `${name}: ${label(row)}, batch ${row.batch}, ${row.threads} thread(s), by ${variable}: ${text} µs a call, R² ${law.r2.toFixed(3)}`,
    );
  }
}
