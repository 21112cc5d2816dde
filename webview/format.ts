/** Numbers and tokens as people read them. Not-a-number is said, never hidden. */
import { format } from 'd3-format';

const signed = format('+.3f');
const signedShort = format('+.2f');
const scientific = format('.1e');
const thousands = format(',d');

/** A logit or activation with sign and three decimals; `NaN`, `+∞`, `−∞` where it is no number. */
export function formatSigned(value: number, short = false): string {
  if (Number.isFinite(value)) {
    return (short ? signedShort : signed)(value).replace('-', '−');
  }
  return formatNonFinite(value, true);
}

/** A distance: three decimals, or scientific below 0.001. */
export function formatMargin(value: number): string {
  if (!Number.isFinite(value)) {
    return formatNonFinite(value, false);
  }
  return value !== 0 && value < 1e-3 ? scientific(value).replace('-', '−') : value.toFixed(3);
}

function formatNonFinite(value: number, withSign: boolean): string {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  return value < 0 ? '−∞' : withSign ? '+∞' : '∞';
}

/** Microseconds as ns, µs, ms or s with three significant digits. */
export function formatDuration(microseconds: number): string {
  if (!Number.isFinite(microseconds)) {
    return formatNonFinite(microseconds, false);
  }
  const [value, unit] =
    microseconds < 1
      ? [microseconds * 1e3, 'ns']
      : microseconds < 1e3
        ? [microseconds, 'µs']
        : microseconds < 1e6
          ? [microseconds / 1e3, 'ms']
          : [microseconds / 1e6, 's'];
  return `${formatThree(value)} ${unit}`;
}

/** Three significant digits without exponent, `12.3`, `1.27`, `341`. */
export function formatThree(value: number): string {
  if (!Number.isFinite(value)) {
    return formatNonFinite(value, false);
  }
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

/** A factor such as `12.3×`. */
export function formatFactor(value: number): string {
  return `${formatThree(value)}×`;
}

/** A share 0..1 as percent. Tiny shares are named instead of rounded to nothing. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) {
    return formatNonFinite(share, false);
  }
  if (share > 0 && share < 0.001) {
    return '<0.1 %';
  }
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** An integer with thousands separators. */
export function formatCount(value: number): string {
  return thousands(value);
}

/** Singular or plural with its count: `1 token`, `4,095 nodes`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A vocabulary entry made visible: control characters and blanks become symbols, nothing stays empty. */
export function visibleText(text: string): string {
  if (text === '') {
    return '∅';
  }
  return text
    .replace(/ /g, '·')
    .replace(/\n/g, '↵')
    .replace(/\t/g, '⇥')

    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '\u00b7');
}
