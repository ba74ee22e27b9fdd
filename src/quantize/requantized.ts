import { tensorOf } from '../base/tensor.ts';
import { float, type } from '../graph/attr.ts';
import { formatValue, type Value } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import { float32Scalar, type Int8, int8Of, port, rangeKey, rangeLimit } from './int8.ts';

export type RequantizeTo = {
  readonly dtype: Int8['dtype'];
  /** The largest value that is to be represented (6 after relu6), whatever the range of the run. */
  readonly limit?: number | undefined;
  /** The number of output channels where each has a scale of its own. */
  readonly channels?: number | undefined;
  /** Whether calibration is to freeze the range. Not where fusing drops the rounding altogether. */
  readonly isSite?: boolean;
};

const float32 = type('float32');
const unbounded = 3.4e38;

/**
 * A qint32 result brought to int8 on the range of the run: RequantizationRange → Requantize (figure 1b). The range is known
 * to calibration by the name of the node that is being rewritten.
 */
export function requantized(sum: Value, context: RewriteContext, to: RequantizeTo): Int8 {
  const attrs = {
    out_type: type(to.dtype),
    ...(to.isSite === false ? {} : { [rangeKey]: formatValue({ node: context.root.name, port: 0 }) }),
    ...(to.limit === undefined ? {} : { [rangeLimit]: float(to.limit) }),
  };
  return to.channels === undefined ? perTensor(sum, context, to, attrs) : perChannel(sum, context, to, attrs);
}

type RequantizeAttrs = Parameters<RewriteContext['add']>[3];

/**
 * Stock TensorFlow puts the sums of all channels on the largest channel's scale, yet reports each channel's own range:
 * so all channels are given the largest one's.
 */
function perChannel(sum: Value, context: RewriteContext, to: RequantizeTo, attrs: RequantizeAttrs): Int8 {
  const { add, constant } = context;
  const axis = constant('range/axis', tensorOf('int32', [0]));
  const count = constant('range/channels', tensorOf('int32', [to.channels!]));
  const reduce = { T: float32, Tidx: type('int32'), keep_dims: false };
  const fill = { T: float32, index_type: type('int32') };
  const low = add('Fill', 'range/low', [count, add('Min', 'range/low/min', [port(sum, 1), axis], reduce)], fill);
  const high = add('Fill', 'range/high', [count, add('Max', 'range/high/max', [port(sum, 2), axis], reduce)], fill);
  const T = type('qint32');
  const range = add('RequantizationRangePerChannel', 'range', [sum, low, high], {
    T,
    clip_value_max: float(to.limit ?? unbounded),
  });
  // The op's range is symmetric where values are negative, but starts at 0 in a run without any.
  const min = to.dtype === 'quint8' ? port(range, 0) : add('Neg', 'range/min', [port(range, 1)], { T: float32 });
  return int8Of(
    add('RequantizePerChannel', 'requantize', [sum, low, high, min, port(range, 1)], { T, ...attrs }),
    to.dtype,
  );
}

/** Requantize wants the values of the first and the last code: −128 and 127 stand for −m · 128/127 and m. */
function perTensor(sum: Value, context: RewriteContext, to: RequantizeTo, attrs: RequantizeAttrs): Int8 {
  const { add } = context;
  const Tinput = type('qint32');
  const range = add('RequantizationRange', 'range', [sum, port(sum, 1), port(sum, 2)], { Tinput });
  const T = { T: float32 };
  let max = port(range, 1);
  let min = port(range, 0);
  if (to.dtype === 'qint8') {
    max = add('Maximum', 'range/max', [max, add('Neg', 'range/negated', [min], T)], T);
    min = add('Mul', 'range/min', [max, float32Scalar(context, 'range/first', -128 / 127)], T);
  } else {
    if (to.limit !== undefined)
      max = add('Minimum', 'range/max', [max, float32Scalar(context, 'range/limit', to.limit)], T);
    min = float32Scalar(context, 'range/zero', 0);
  }
  return int8Of(
    add('Requantize', 'requantize', [sum, port(sum, 1), port(sum, 2), min, max], { Tinput, ...attrs }),
    to.dtype,
  );
}
