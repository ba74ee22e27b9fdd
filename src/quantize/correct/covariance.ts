/** Samples of several numbers, column by column, each with its mean taken away. */
export type Columns = readonly Float32Array[];

/** @param values `[rows, width]`; takes out the columns that `at` says. */
export function centredColumns(
  values: Float32Array,
  { rows, width }: { readonly rows: number; readonly width: number },
  size: number,
  at: (i: number) => number,
): Columns {
  return Array.from({ length: size }, (_, i) => {
    const column = new Float32Array(rows);
    let sum = 0;
    for (let row = 0, from = at(i); row < rows; row++, from += width) {
      column[row] = values[from]!;
      sum += values[from]!;
    }
    const mean = sum / Math.max(1, rows);
    for (let row = 0; row < rows; row++) column[row]! -= mean;
    return column;
  });
}

/** aᵀ b / rows, `[a, b]` row-major; the upper triangle is computed and mirrored where `a` is `b`. */
export function covariance(a: Columns, b: Columns): Float64Array {
  const result = new Float64Array(a.length * b.length);
  const rows = a[0]?.length ?? 0;
  for (let i = 0; i < a.length; i += 2)
    for (let j = a === b ? i : 0; j < b.length; j += 2) block(a, b, i, j, rows, result);
  if (a === b)
    for (let i = 0; i < a.length; i++) for (let j = 0; j < i; j++) result[i * a.length + j] = result[j * a.length + i]!;
  return result;
}

/** Two by two at once: each number that is read is used twice. */
function block(a: Columns, b: Columns, i: number, j: number, rows: number, result: Float64Array): void {
  const [a0, a1] = [a[i]!, a[i + 1] ?? a[i]!];
  const [b0, b1] = [b[j]!, b[j + 1] ?? b[j]!];
  let [s00, s01, s10, s11] = [0, 0, 0, 0];
  for (let row = 0; row < rows; row++) {
    const [x0, x1, y0, y1] = [a0[row]!, a1[row]!, b0[row]!, b1[row]!];
    s00 += x0 * y0;
    s01 += x0 * y1;
    s10 += x1 * y0;
    s11 += x1 * y1;
  }
  const n = b.length;
  const share = 1 / Math.max(1, rows);
  result[i * n + j] = s00 * share;
  if (j + 1 < n) result[i * n + j + 1] = s01 * share;
  if (i + 1 < a.length) {
    result[(i + 1) * n + j] = s10 * share;
    if (j + 1 < n) result[(i + 1) * n + j + 1] = s11 * share;
  }
}

/** Adds a share of the mean variance to each: what few samples don't show is not free. */
export function addRidge(H: Float64Array, size: number, share: number): void {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += H[i * size + i]!;
  for (let i = 0; i < size; i++) H[i * size + i]! += (share * trace) / size + 1e-9;
}

/** The lower factor L of H = L Lᵀ. H must be symmetric and positive definite: a ridge makes a covariance so. */
export function cholesky(H: Float64Array, size: number): Float64Array {
  const L = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = H[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= L[i * size + k]! * L[j * size + k]!;
      L[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / L[j * size + j]!;
    }
  }
  return L;
}

/** x of L Lᵀ x = y, in the place of y. */
export function solve(L: Float64Array, size: number, y: Float64Array): void {
  for (let i = 0; i < size; i++) {
    let sum = y[i]!;
    for (let k = 0; k < i; k++) sum -= L[i * size + k]! * y[k]!;
    y[i] = sum / L[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    y[i]! /= L[i * size + i]!;
    const x = y[i]!;
    for (let k = 0; k < i; k++) y[k]! -= L[i * size + k]! * x;
  }
}
