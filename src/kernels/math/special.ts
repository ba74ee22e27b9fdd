/** Special functions in double precision (Abramowitz & Stegun's numbers; relative error below 1e-13 unless said otherwise). */

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** 7.1.6: a series of positive terms, for |x| < 3. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return twoOverRootPi * Math.exp(-x * x) * sum;
}

/** 7.1.14: the continued fraction, from its tail, for x ≥ 3. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = 60; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (tail * Math.sqrt(Math.PI));
}

export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 3) return erfSeries(x);
  if (Math.abs(x) > 6) return Math.sign(x);
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x >= 3) return x > 28 ? 0 : erfcFraction(x);
  return 1 - erf(x);
}

/** The normal distribution's quantile (Acklam's rational approximation, then Halley steps), for 0 < p < 1. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p === 0.5) return 0;
  if (p > 0.5) return -quantileBelowHalf(1 - p);
  return quantileBelowHalf(p);
}

function quantileBelowHalf(p: number): number {
  // 26.2.23, to 4.5e-4; each Halley step triples the digits.
  const t = Math.sqrt(-2 * Math.log(p));
  let x =
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t) - t;
  for (let i = 0; i < 3; i++) {
    const error = (0.5 * erfc(-x / Math.SQRT2) - p) * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}

export function erfinv(x: number): number {
  if (x === 0) return x;
  // From the tail, so that no digits are lost near ±1.
  return (-Math.sign(x) * normalQuantile((1 - Math.abs(x)) / 2)) / Math.SQRT2;
}

// Lanczos's approximation with g = 7, n = 9 (Godfrey).
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** log|Γ(x)|. */
export function lgamma(x: number): number {
  if (x === Infinity || x === -Infinity) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
  const z = x - 1;
  let sum = lanczos[0]!;
  for (let i = 1; i < lanczos.length; i++) sum += lanczos[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The derivative of log Γ: recurrence up to 10, then 6.3.18. */
export function digamma(x: number): number {
  if (x === -Infinity || (x <= 0 && Number.isInteger(x))) return Number.NaN;
  if (x < 0) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let shift = 0;
  while (x < 10) {
    shift -= 1 / x;
    x += 1;
  }
  const y = 1 / (x * x);
  const series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132)))));
  return shift + Math.log(x) - 0.5 / x - series;
}

/** To the nearest integer, ties to even. */
export function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}
