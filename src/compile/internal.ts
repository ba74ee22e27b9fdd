import type { DType } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import { numberOf, type Tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import type { Node } from '../graph/graph.ts';
import { inputAt, numbers, tensorOfNumbers } from '../kernels/numbers.ts';
import { symmetricScale } from '../kernels/quantize/codes.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { sumConv, sumConvInputs, sumConvReference } from './internal-conv.ts';
import {
  floatConv,
  floatConvInputs,
  floatConvReference,
  roundedConv,
  roundedConvInputs,
  roundedConvReference,
} from './internal-float-conv.ts';
import { requantizedOp, requantizedReference } from './internal-requantized.ts';
import { sumOfCodes } from './internal-sum.ts';

/**
 * Ops of octet's own, each of which stands for several of TensorFlow's (islands.ts). They occur in graphs that are about to
 * run, never in files. Their meaning is given here, for all backends; codes come with their range, as everywhere: ops that
 * give codes give (codes, min, max).
 */
type InternalOp = { readonly types: (node: Node) => readonly DType[]; readonly reference: ReferenceKernel };

const f32 = Math.fround;
const codesOut = (node: Node): readonly DType[] => [readAttr(node, 'out_type', 'type'), 'float32', 'float32'];

const scaleAt = (inputs: readonly Tensor[], dtype: DType, i: number): number =>
  symmetricScale(dtype, numberOf(inputAt(inputs, i)), numberOf(inputAt(inputs, i + 1)));

const rangeFrom = (inputs: readonly Tensor[], i: number) => ({
  min: numberOf(inputAt(inputs, i)),
  max: numberOf(inputAt(inputs, i + 1)),
});

/** a, b, min_a, max_a, min_b, max_b, min_out, max_out → their sum in codes (internal-sum.ts). Of one shape. */
const add: ReferenceKernel = (inputs, node) => {
  const [a, b] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const [x, z] = [numbers(a), numbers(b)];
  if (x.length !== z.length) throw new UserError('adds codes of different shapes');
  const operands = [
    { dtype: a.dtype, range: rangeFrom(inputs, 2) },
    { dtype: b.dtype, range: rangeFrom(inputs, 4) },
  ] as const;
  const sum = sumOfCodes(node, operands, rangeFrom(inputs, 6));
  const codes = Float64Array.from(x, (code, i) => sum(code, z[i]!));
  const dtype = readAttr(node, 'out_type', 'type');
  return [tensorOfNumbers(dtype, a.shape, codes), inputAt(inputs, 6), inputAt(inputs, 7)];
};

/** codes, table, min_out, max_out → table[code mod 256]. */
const table: ReferenceKernel = (inputs) => {
  const [codes, entries] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const of = numbers(entries);
  const mapped = Float64Array.from(numbers(codes), (code) => of[code & 255]!);
  return [tensorOfNumbers(entries.dtype, codes.shape, mapped), inputAt(inputs, 2), inputAt(inputs, 3)];
};

/** codes [n, h, w, c], min, max → float32 [n, 1, 1, c] or [n, c]: f32(Σ codes) · f32(s / (h·w)), the sum exact. */
const mean: ReferenceKernel = (inputs, node) => {
  const codes = inputAt(inputs, 0);
  const [n = 0, h = 0, w = 0, c = 0] = codes.shape;
  const factor = f32(scaleAt(inputs, codes.dtype, 1) / (h * w));
  const sums = new Float64Array(n * c);
  const values = numbers(codes);
  for (let i = 0; i < n; i++)
    for (let pixel = 0; pixel < h * w; pixel++)
      for (let k = 0; k < c; k++) sums[i * c + k]! += values[(i * h * w + pixel) * c + k]!;
  const shape = readAttr(node, 'keep_dims', 'bool') ? [n, 1, 1, c] : [n, c];
  return [
    tensorOfNumbers(
      'float32',
      shape,
      sums.map((sum) => f32(f32(sum) * factor)),
    ),
  ];
};

const internalOps: ReadonlyMap<string, InternalOp> = new Map(
  Object.entries({
    _OctetAdd: { types: codesOut, reference: add },
    _OctetTable: { types: codesOut, reference: table },
    [sumConv]: { types: codesOut, reference: sumConvReference },
    [floatConv]: { types: () => ['float32'], reference: floatConvReference },
    [roundedConv]: { types: codesOut, reference: roundedConvReference },
    [requantizedOp]: {
      types: (node) => [readAttr(node, 'end_type', 'type'), 'float32', 'float32'],
      reference: requantizedReference,
    },
    _OctetMean: { types: () => ['float32'], reference: mean },
  } satisfies Record<string, InternalOp>),
);

/** The dtypes of an internal op's outputs; undefined for all others. */
export const internalTypes = (node: Node): readonly DType[] | undefined => internalOps.get(node.op)?.types(node);

/** The reference kernel of an internal op; undefined for all others. */
export const internalReference = (op: string): ReferenceKernel | undefined => internalOps.get(op)?.reference;

/** The names of an internal op's inputs, where it is read by names. */
export const internalInputs: ReadonlyMap<string, readonly string[]> = new Map([
  [sumConv, sumConvInputs],
  [floatConv, floatConvInputs],
  [roundedConv, roundedConvInputs],
]);
