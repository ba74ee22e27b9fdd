/**
 * The one inner loop of the reference's convolutions and matrix products: C[m][n] = Σ_k A[m][k]·B[k][n] in float64, in
 * which sums of int8 products are exact, so the integer kernels use it too. V8 compiles it to scalar code, hence the tile
 * of mr × nr sums that stay in registers.
 */
const mr = 2;
const nr = 4;

/** B in panels of `nr` columns, [⌈n/nr⌉][k][nr], the last one filled up with zeros. */
export type Panels = { readonly data: Float64Array; readonly k: number; readonly n: number };

/** Packs a matrix whose element (k, n) is `source[offset + k·rowStep + n·columnStep]`. */
export function packPanels(
  source: ArrayLike<number>,
  k: number,
  n: number,
  { offset = 0, rowStep = n, columnStep = 1 } = {},
): Panels {
  const data = new Float64Array(Math.ceil(n / nr) * k * nr);
  for (let column = 0; column < n; column++) {
    let to = (column - (column % nr)) * k + (column % nr);
    let from = offset + column * columnStep;
    for (let row = 0; row < k; row++) {
      data[to] = source[from]!;
      to += nr;
      from += rowStep;
    }
  }
  return { data, k, n };
}

/** Where the sums go: element (m, n) is `data[offset + m·rowStep + n]`. */
export type Sums = { readonly data: Float64Array; readonly offset: number; readonly rowStep: number };

/** `a` has `rows` rows of `b.k` elements, row-major from its start. Overwrites `c`. */
export function gemm(a: Float64Array, rows: number, b: Panels, c: Sums): void {
  for (let column = 0; column < b.n; column += nr) {
    let row = 0;
    for (; row + mr <= rows; row += mr) tile2x4(a, row * b.k, b, column, c, row);
    for (; row < rows; row++) tile1x4(a, row * b.k, b, column, c, row);
  }
}

function tile2x4(a: Float64Array, from: number, { data: b, k, n }: Panels, column: number, c: Sums, row: number): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let i = column * k;
  const next = from + k;
  for (let p = 0; p < k; p++, i += nr) {
    const a0 = a[from + p]!;
    const a1 = a[next + p]!;
    const b0 = b[i]!;
    const b1 = b[i + 1]!;
    const b2 = b[i + 2]!;
    const b3 = b[i + 3]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
  }
  const valid = n - column;
  store4(c, row, column, valid, s00, s01, s02, s03);
  store4(c, row + 1, column, valid, s10, s11, s12, s13);
}

function tile1x4(a: Float64Array, from: number, { data: b, k, n }: Panels, column: number, c: Sums, row: number): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = column * k;
  for (let p = 0; p < k; p++, i += nr) {
    const a0 = a[from + p]!;
    s0 += a0 * b[i]!;
    s1 += a0 * b[i + 1]!;
    s2 += a0 * b[i + 2]!;
    s3 += a0 * b[i + 3]!;
  }
  store4(c, row, column, n - column, s0, s1, s2, s3);
}

function store4(
  { data, offset, rowStep }: Sums,
  row: number,
  column: number,
  valid: number,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
): void {
  const at = offset + row * rowStep + column;
  data[at] = s0;
  if (valid > 1) data[at + 1] = s1;
  if (valid > 2) data[at + 2] = s2;
  if (valid > 3) data[at + 3] = s3;
}
