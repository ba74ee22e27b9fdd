import { UserError } from '../../base/errors.ts';
import { affineDecoder, type CodeType, codeLimits } from './codes.ts';
import type { QuantizeMode, Range } from './quantize.ts';

const f32 = Math.fround;

/** Dequantize: the function from codes over a range (taken as it is given) to float32. */
export function dequantizer(
  dtype: CodeType,
  mode: QuantizeMode,
  narrowRange: boolean,
  { min, max }: Range,
): (code: number) => number {
  const limits = codeLimits[dtype];
  const { low, high } = limits;
  if (mode === 'MIN_FIRST') return affineDecoder({ min, max, limits });
  if (mode === 'MIN_COMBINED') {
    const scale = f32(f32(max - min) / f32(high - low));
    const half = low === 0 ? 0 : (high - low + 1) / 2;
    return (code) => f32(f32(f32(f32(code) + half) * scale) + min);
  }
  if (dtype === 'qint32') throw new UserError('Dequantize of qint32 has no SCALED mode');
  const lowest = low + (narrowRange ? 1 : 0);
  const scale = low === 0 ? f32(max / high) : Math.max(f32(min / lowest), f32(max / high));
  return (code) => f32(code * scale);
}
