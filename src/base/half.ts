/** Conversion of the 16-bit float formats, which JavaScript has no arrays for, from and to their bits. */

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The number that bfloat16 `bits` stand for. */
export function fromBfloat16(bits: number): number {
  u32[0] = bits << 16;
  return f32[0]!;
}

/** The bfloat16 nearest to float32(`x`), ties to even. */
function toBfloat16(x: number): number {
  f32[0] = x;
  const bits = u32[0]!;
  if (Number.isNaN(x)) return (bits >>> 31 === 0 ? 0 : 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that IEEE 754 binary16 `bits` stand for. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The binary16 nearest to float32(`x`), ties to even; beyond 65504 + half a step it is infinite. */
function toFloat16(x: number): number {
  f32[0] = x;
  const bits = u32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  if (Number.isNaN(x)) return sign | 0x7e00;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14: adding 0.5 makes the float unit round at 2^-24, ties to even.
    f32[0] = Math.abs(f32[0]!) + 0.5;
    return sign | (u32[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** The elements of a float16 or bfloat16 array of bits as float32. */
export function widenHalf(dtype: 'float16' | 'bfloat16', bits: Uint16Array): Float32Array<ArrayBuffer> {
  const from = dtype === 'float16' ? fromFloat16 : fromBfloat16;
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = from(bits[i]!);
  return out;
}

/** Numbers as float16 or bfloat16 bits, each rounded to float32 first. */
export function narrowToHalf(dtype: 'float16' | 'bfloat16', values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const to = dtype === 'float16' ? toFloat16 : toBfloat16;
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = to(values[i]!);
  return out;
}
