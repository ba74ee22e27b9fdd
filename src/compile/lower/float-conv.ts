import { readAttr } from '../../graph/attr.ts';
import type { Result } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { dequantizer } from '../../kernels/quantize/dequantize.ts';
import { scaledCodes } from '../../kernels/quantize/quantize.ts';
import { activationLimits } from '../internal-float-conv.ts';
import { endQuantization, endRange } from '../internal-sum.ts';
import {
  boundsOf,
  byteType,
  float32At,
  inputIndex,
  type Lower,
  type LowerContext,
  needIndex,
  rangeOf,
  valueAt,
} from './lowering.ts';
import { addConvolution } from './quantized-conv.ts';

const vectors = (context: LowerContext) => ({
  multipliers: float32At(context, needIndex(context.node, 'multipliers')).data,
  bias: float32At(context, needIndex(context.node, 'bias')).data,
});

/** _OctetFloatConv2D: float32 results (internal-float-conv.ts). */
export const lowerFloatConv: Lower = (context) => {
  const result = { kind: 'dequantize', ...vectors(context), ...activationLimits(context.node) } as const;
  const becomes = { dtype: 'float32', summand: [], result: () => result } as const;
  return [
    addConvolution(context, { isDepthwise: readAttr(context.node, 'depthwise', 'bool'), becomes: () => becomes }),
  ];
};

/** _OctetRoundedConv2D: float32 results, with or without a summand, that become codes. */
export const lowerRoundedConv: Lower = (context) => {
  const { node } = context;
  const dtype = byteType(readAttr(node, 'out_type', 'type'), 'results');
  const { narrowRange } = endQuantization(node);
  const { factor, low, high } = scaledCodes(dtype, narrowRange, endRange(node, rangeOf(context, 'output')));
  const { multipliers, bias } = vectors(context);
  const result = {
    kind: 'requantize',
    multipliers,
    real: { bias, factor },
    low: readAttr(node, 'relu', 'bool') ? Math.max(0, low) : low,
    high,
  } as const;
  const added = summandOf(context);
  const output = addConvolution(context, {
    isDepthwise: readAttr(node, 'depthwise', 'bool'),
    becomes: () => ({
      dtype,
      summand: added === undefined ? [] : [added.id],
      result: ([, buffer]: readonly Buffer[]): Result =>
        added === undefined ? result : { ...result, summand: { buffer: buffer!, multiplier: added.multiplier } },
    }),
  });
  return [output, ...boundsOf(context, 'output').map((tensor) => ({ tensor }))];
};

/** The summand, and what one step of its codes stands for. */
function summandOf(context: LowerContext) {
  const at = inputIndex(context.node, 'summand');
  if (at === undefined) return undefined;
  const { id, dtype } = valueAt(context, at);
  const multiplier = dequantizer(byteType(dtype, 'a summand'), 'SCALED', false, rangeOf(context, 'summand'))(1);
  return { id, multiplier };
}
