import { numberOf, numbersOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { poolGeometry, readLayout } from '../../graph/shapes/geometry.ts';
import { opAttr } from '../../graph/signature.ts';
import type { PoolSpec } from '../../kernels/pool/native/spec.ts';
import { symmetricScale } from '../../kernels/quantize/codes.ts';
import { poolKernels } from '../kernels.ts';
import { chosen, type Operand } from '../layer.ts';
import { addKernel, decline, type Lower, type LowerContext, type Value, valueAt } from './lowering.ts';

type Windows = Pick<PoolSpec, 'kernel' | 'stride' | 'padding'>;

type Pooling = {
  readonly input: Value;
  readonly shape: readonly number[];
  readonly windows: Windows;
  readonly reduce: PoolSpec['reduce'];
};

function addPool(context: LowerContext, { input, shape, windows, reduce }: Pooling): Operand {
  return addKernel(context, {
    inputs: [input.id],
    dtype: reduce.kind === 'mean' ? 'float32' : input.dtype,
    shape,
    choose: ({ inputs: [from], output, isa }) => chosen(poolKernels, isa, { input: from!, output, ...windows, reduce }),
  });
}

/** MaxPool and AvgPool of float32, QuantizedMaxPool and QuantizedAvgPool, whose range goes along. */
const lowerPool =
  (kind: 'max' | 'average'): Lower =>
  (context) => {
    const { node, operands } = context;
    const input = valueAt(context, 0);
    if (readLayout(node) !== 'NHWC') decline('channels come first');
    const { batch, h, w, channels } = poolGeometry(input.shape, node);
    const windows = {
      kernel: { h: h.kernel, w: w.kernel },
      stride: { h: h.stride, w: w.stride },
      padding: { top: h.before, left: w.before },
    };
    const output = addPool(context, { input, shape: [batch, h.output, w.output, channels], windows, reduce: { kind } });
    return [output, ...operands.slice(1)];
  };

/** A window that is the whole picture. */
function wholePicture({ shape }: Value): Windows {
  const [, h, w] = shape as readonly [number, number, number, number];
  return { kernel: { h, w }, stride: { h, w }, padding: { top: 0, left: 0 } };
}

/** Mean over height and width of float32. */
const lowerMean: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  const axes = context.operands[1];
  if (axes === undefined || !('tensor' in axes)) return decline('its axes are not constant');
  const over = numbersOf(axes.tensor).map((axis) => (axis < 0 ? axis + 4 : axis));
  const isOverPixels = over.length === 2 && over.includes(1) && over.includes(2);
  if (input.dtype !== 'float32' || input.shape.length !== 4 || !isOverPixels) return decline(`a mean over [${over}]`);
  const pooled = addMean(context, input, opAttr(node, 'keep_dims', 'bool'), { kind: 'average' });
  return [pooled];
};

function addMean(context: LowerContext, input: Value, keep: boolean, reduce: PoolSpec['reduce']): Operand {
  const [n, , , c] = input.shape as readonly [number, number, number, number];
  return addPool(context, { input, shape: keep ? [n, 1, 1, c] : [n, c], windows: wholePicture(input), reduce });
}

/** _OctetMean (internal.ts): f32(Σ codes) · f32(s / (h·w)). */
const lowerCodesMean: Lower = (context) => {
  const input = valueAt(context, 0);
  const [, h, w] = input.shape;
  const bounds = [1, 2].map((i) => {
    const operand = context.operands[i];
    return operand !== undefined && 'tensor' in operand ? numberOf(operand.tensor) : decline('its range varies');
  }) as [number, number];
  const factor = Math.fround(symmetricScale(input.dtype, ...bounds) / (h! * w!));
  return [addMean(context, input, readAttr(context.node, 'keep_dims', 'bool'), { kind: 'mean', factor })];
};

/** The ops whose lowering is here. */
export const poolLowerings: Readonly<Record<string, Lower>> = {
  MaxPool: lowerPool('max'),
  AvgPool: lowerPool('average'),
  QuantizedMaxPool: lowerPool('max'),
  QuantizedAvgPool: lowerPool('average'),
  Mean: lowerMean,
  _OctetMean: lowerCodesMean,
};
