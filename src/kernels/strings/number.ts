import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';

const ranges: Partial<Record<DType, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** Text as a number of `dtype`, as TensorFlow reads it. Throws `UserError` on what is none, or out of range. */
export function parseNumber(text: string, dtype: DType): number | bigint {
  const trimmed = text.replace(/^[\s]+|[\s]+$/g, '');
  const range = ranges[dtype];
  const wrong = () => new UserError(`'${text}' is not a number of type ${dtype}`);
  if (range !== undefined) {
    if (!/^[+-]?\d+$/.test(trimmed)) throw wrong();
    const value = BigInt(trimmed.replace(/^\+/, ''));
    if (value < range[0] || value > range[1]) throw wrong();
    return dtype === 'int64' || dtype === 'uint64' ? value : Number(value);
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) throw wrong();
  return Number(trimmed);
}

/** How C's printf shows a number: `%[flag][width][.precision]type`. */
export type Format = {
  readonly type: 'd' | 'f' | 'e' | 'g';
  readonly precision: number;
  readonly width: number;
  /** '', '0', ' ', '+' or '-'. */
  readonly flag: string;
};

export function formatNumber(value: number | bigint, { type, precision, width, flag }: Format): string {
  const isNegative = typeof value === 'bigint' ? value < 0n : value < 0 || Object.is(value, -0);
  const magnitude = typeof value === 'bigint' ? (value < 0n ? -value : value) : Math.abs(value);
  const hasDigits = typeof magnitude === 'bigint' || Number.isFinite(magnitude);
  const digits = hasDigits ? formatMagnitude(magnitude, type, precision) : Number.isNaN(magnitude) ? 'nan' : 'inf';
  const sign = isNegative ? '-' : flag === '+' ? '+' : flag === ' ' ? ' ' : '';
  if (flag === '-') return (sign + digits).padEnd(width);
  if (flag === '0' && hasDigits) return sign + digits.padStart(width - sign.length, '0');
  return (sign + digits).padStart(width);
}

function formatMagnitude(x: number | bigint, type: Format['type'], precision: number): string {
  if (type === 'd') return String(x).padStart(Math.max(0, precision), '0');
  const value = Number(x);
  const places = precision < 0 ? 6 : precision;
  if (type === 'f') return fixed(value, places);
  if (type === 'e') return exponential(value, places);
  const significant = places === 0 ? 1 : places;
  const exponent = value === 0 ? 0 : Number(value.toExponential(significant - 1).split('e')[1]);
  const isFixed = exponent >= -4 && exponent < significant;
  const text = isFixed ? fixed(value, significant - 1 - exponent) : exponential(value, significant - 1);
  const [mantissa, power] = text.split('e') as [string, string?];
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return power === undefined ? short : `${short}e${power}`;
}

/** `toFixed` that never turns to exponents: whole numbers from 10^21 up are written out. */
function fixed(value: number, places: number): string {
  if (value >= 1e21) return places === 0 ? String(BigInt(value)) : `${BigInt(value)}.${'0'.repeat(places)}`;
  return halfToEven(value.toFixed(places), value.toFixed(Math.min(100, places + 60)));
}

/** At least two digits of exponent, as C writes it. */
function exponential(value: number, places: number): string {
  const [mantissa, exponent] = value.toExponential(places).split('e') as [string, string];
  const [longer, other] = value.toExponential(Math.min(100, places + 60)).split('e') as [string, string];
  const digits = exponent === other ? halfToEven(mantissa, longer) : mantissa;
  return `${digits}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`;
}

/** JavaScript rounds ties up, C to even: `long` has the digits that `short` was rounded from. */
function halfToEven(short: string, long: string): string {
  const rest = long.slice(short.length).replace('.', '');
  return /^50*$/.test(rest) && /[13579]$/.test(short) ? long.slice(0, short.length) : short;
}
