import { readAttr } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { formatValue, type Node, type Value } from '../graph/graph.ts';

/** Ops whose result is never negative, whatever they read. */
const nonNegative: ReadonlySet<string> = new Set([
  'Relu',
  'Relu6',
  'Sigmoid',
  'Softmax',
  'Square',
  'Abs',
  'Exp',
  'Sqrt',
  'Softplus',
]);
/** Ops whose result is not negative when their data inputs are not; with the number of inputs that count (all: Infinity). */
const keepsSign: ReadonlyMap<string, number> = new Map([
  ...[
    'Identity',
    'MaxPool',
    'AvgPool',
    'Mean',
    'Max',
    'Sum',
    'LRN',
    'Reshape',
    'Squeeze',
    'ExpandDims',
    'Pad',
    'Transpose',
    'StridedSlice',
    'Slice',
    'ResizeBilinear',
    'ResizeNearestNeighbor',
    'GatherV2',
    'QuantizedMaxPool',
    'QuantizedAvgPool',
    'QuantizedReshape',
  ].map((op) => [op, 1] as const),
  ...['AddV2', 'Add', 'Mul', 'Maximum', 'RealDiv'].map((op) => [op, 2] as const),
  ...['ConcatV2', 'AddN', 'QuantizedConcatV2', 'Pack'].map((op) => [op, Number.POSITIVE_INFINITY] as const),
]);

/** Longer chains than this are not followed. */
const maxSteps = 10_000;

/**
 * Whether a value is known to be never negative from the ops it comes from, so that quint8 holds it with twice the
 * resolution of qint8. `known` adds what calibration has seen.
 */
export function isNonNegative(
  start: Value,
  node: (name: string) => Node | undefined,
  known: (key: string) => boolean = () => false,
): boolean {
  const stack = [start];
  const seen = new Set<string>();
  while (stack.length > 0) {
    const value = stack.pop()!;
    const key = formatValue(value);
    if (seen.has(key)) continue;
    seen.add(key);
    const from = node(value.node);
    if (from === undefined || seen.size > maxSteps) return false;
    // What octet computes in int8 has the sign of its form; only what comes from outside may be known by its samples.
    if (from.op === 'Placeholder' && known(key)) continue;
    const tensor = constTensor(from);
    if (tensor !== undefined) {
      if (tensor.dtype !== 'float32' || tensor.data.some((x) => !(x >= 0))) return false;
    } else if (from.op === 'Dequantize') {
      if (readAttr(from, 'T', 'type') !== 'quint8' || readAttr(from, 'mode', 'string') !== 'SCALED') return false;
    } else if (!nonNegative.has(from.op)) {
      const inputs = keepsSign.get(from.op);
      if (inputs === undefined) return false;
      const data = from.op === 'ConcatV2' ? from.inputs.slice(0, -1) : from.inputs.slice(0, inputs);
      stack.push(...data);
    }
  }
  return true;
}
