import type { Shape } from '../../src/base/shape.ts';
import { type } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import type { OpCase } from '../graph-case.ts';
import {
  edges,
  f32,
  i32,
  i32s,
  integerEdges,
  integers,
  normal,
  numbers,
  tameEdges,
  truths,
  uniform,
} from './values.ts';

const shapes: readonly Shape[] = [[], [7], [2, 3, 5], [0, 4], [1031]];
const pairs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[4, 1], [3]],
  [[2, 3, 5], [5]],
  [[1], [2, 1, 3]],
  [
    [0, 3],
    [1, 3],
  ],
  [[257], [257]],
];

/** Ops of one float32 input, with the interval that random inputs come from. */
const unary: readonly (readonly [OpName, number, number])[] = [
  ['Abs', -9, 9],
  ['Acos', -1, 1],
  ['Acosh', 1, 50],
  ['Asin', -1, 1],
  ['Asinh', -50, 50],
  ['Atan', -9, 9],
  ['Atanh', -0.99, 0.99],
  ['Ceil', -9, 9],
  ['Cos', -30, 30],
  ['Cosh', -9, 9],
  ['Digamma', 0.1, 9],
  ['Elu', -9, 9],
  ['Erf', -4, 4],
  ['Erfc', -4, 4],
  ['Erfinv', -0.999, 0.999],
  ['Exp', -30, 30],
  ['Expm1', -9, 9],
  ['Floor', -9, 9],
  ['Inv', 0.1, 9],
  ['IsFinite', -1, 1],
  ['IsInf', -1, 1],
  ['IsNan', -1, 1],
  ['LeakyRelu', -9, 9],
  ['Lgamma', 0.1, 30],
  ['Log', 0.001, 99],
  ['Log1p', -0.9, 99],
  ['Ndtri', 0.001, 0.999],
  ['Neg', -9, 9],
  ['OnesLike', -1, 1],
  ['Reciprocal', 0.1, 9],
  ['Relu', -9, 9],
  ['Relu6', -9, 9],
  ['Rint', -9, 9],
  ['Round', -9, 9],
  ['Rsqrt', 0.01, 99],
  ['Selu', -9, 9],
  ['Sigmoid', -20, 20],
  ['Sign', -1, 1],
  ['Sin', -30, 30],
  ['Sinh', -9, 9],
  ['Softplus', -30, 30],
  ['Softsign', -9, 9],
  ['Sqrt', 0, 99],
  ['Square', -9, 9],
  ['Tan', -1.5, 1.5],
  ['Tanh', -9, 9],
  ['ZerosLike', -1, 1],
];
/** What these make of infinities, NaN and the largest numbers is theirs. */
const untamed = [
  'Digamma',
  'Lgamma',
  'Sin',
  'Cos',
  'Tan',
  'Erfinv',
  'Ndtri',
  'Selu',
  'Asinh',
  'Acosh',
  'Cosh',
  'Sinh',
  'Expm1',
  'Exp',
  'Erfc',
];

const binary: readonly OpName[] = [
  'Add',
  'AddV2',
  'Sub',
  'Mul',
  'Div',
  'RealDiv',
  'DivNoNan',
  'MulNoNan',
  'FloorDiv',
  'FloorMod',
  'TruncateDiv',
  'TruncateMod',
  'Maximum',
  'Minimum',
  'Pow',
  'SquaredDifference',
  'Atan2',
  'Equal',
  'NotEqual',
  'Less',
  'LessEqual',
  'Greater',
  'GreaterEqual',
  'Xdivy',
  'Xlogy',
  'Xlog1py',
];
const positive = new Set<OpName>(['Pow', 'Xlogy', 'Xlog1py', 'FloorDiv', 'FloorMod', 'TruncateDiv', 'TruncateMod']);
/** A quotient that a rounding moves over a whole number, or that overflows. */
const noEdges = new Set<OpName>(['FloorDiv', 'FloorMod', 'TruncateDiv', 'TruncateMod', 'Pow', 'Mod']);

const integerBinary: readonly OpName[] = [
  'AddV2',
  'Sub',
  'Mul',
  'Maximum',
  'Minimum',
  'Equal',
  'Less',
  'GreaterEqual',
  'BitwiseAnd',
  'BitwiseOr',
  'BitwiseXor',
];
const divisions: readonly OpName[] = ['FloorDiv', 'FloorMod', 'TruncateDiv'];
const reductions: readonly OpName[] = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'EuclideanNorm'];
const axesOf: readonly (readonly [Shape, readonly number[]])[] = [
  [[2, 3, 5], [0]],
  [[2, 3, 5], [-1]],
  [
    [2, 3, 5],
    [0, 2],
  ],
  [[2, 3, 5], []],
  [[513], [0]],
  [[], []],
  [[3, 0], [0]],
];

export function elementwiseCases(): OpCase[] {
  return [...unaryCases(), ...binaryCases(), ...integerCases(), ...reductionCases(), ...otherCases()];
}

const unaryCases = (): OpCase[] =>
  unary.flatMap(([op, low, high]) => [
    ...shapes.map(
      (shape): OpCase => ({ name: `random [${shape}]`, op, inputs: [uniform(shape, low, high)], attrs: {} }),
    ),
    { name: 'edges', op, inputs: [f32(...(untamed.includes(op) ? tameEdges : edges))], attrs: {} },
  ]);

function binaryCases(): OpCase[] {
  const grid = edges.flatMap((a) => edges.map((b) => [a, b] as const));
  const side = (i: 0 | 1) => f32(...grid.map((pair) => pair[i]));
  return binary.flatMap((op) => [
    ...pairs.map(([a, b]): OpCase => {
      const inputs = positive.has(op) ? [uniform(a, 0.5, 4), uniform(b, 0.5, 4)] : [normal(a), normal(b)];
      return { name: `random [${a}] [${b}]`, op, inputs, attrs: {} };
    }),
    ...(noEdges.has(op) ? [] : [{ name: 'edges', op, inputs: [side(0), side(1)], attrs: {} }]),
  ]);
}

function integerCases(): OpCase[] {
  const types = ['int8', 'uint8', 'int16', 'int32', 'int64'] as const;
  return types.flatMap((dtype) => {
    const values = integerEdges(dtype);
    const grid = values.flatMap((a) => values.map((b) => [a, b] as const));
    const [a, b] = [0, 1].map((i) =>
      numbers(
        dtype,
        grid.map((pair) => pair[i]!),
      ),
    );
    const divisors = grid.map((pair) => (pair[1] === 0 || pair[1] === -1 ? 3 : pair[1]));
    return [
      ...integerBinary.map((op): OpCase => ({ name: `edges of ${dtype}`, op, inputs: [a!, b!], attrs: {} })),
      ...divisions.map(
        (op): OpCase => ({ name: `edges of ${dtype}`, op, inputs: [a!, numbers(dtype, divisors)], attrs: {} }),
      ),
      ...(['float32', 'int32', 'uint8', 'bool'] as const).map(
        (to): OpCase => ({ name: `${dtype} to ${to}`, op: 'Cast', inputs: [a!], attrs: { DstT: type(to) } }),
      ),
    ];
  });
}

const reductionCases = (): OpCase[] =>
  reductions.flatMap((op) =>
    axesOf.flatMap(([shape, axes]) =>
      [true, false].map((keep): OpCase => {
        const inputs = [op === 'Prod' ? uniform(shape, 0.8, 1.2) : normal(shape), i32(...axes)];
        return { name: `[${shape}] over [${axes}]${keep ? ', kept' : ''}`, op, inputs, attrs: { keep_dims: keep } };
      }),
    ),
  );

function otherCases(): OpCase[] {
  const at = (op: OpName, name: string, inputs: OpCase['inputs'], attrs: OpCase['attrs'] = {}): OpCase => ({
    name,
    op,
    inputs,
    attrs,
  });
  return [
    ...(['All', 'Any'] as const).flatMap((op) =>
      axesOf.map(([shape, axes]) => at(op, `[${shape}] over [${axes}]`, [truths(shape), i32(...axes)])),
    ),
    ...(['ArgMax', 'ArgMin'] as const).flatMap((op) =>
      [0, 1, -1].map((axis) => at(op, `axis ${axis}`, [normal([3, 4, 5]), i32s(axis)])),
    ),
    ...(['Cumsum', 'Cumprod'] as const).flatMap((op) =>
      [true, false].flatMap((exclusive) =>
        [true, false].map((reverse) =>
          at(op, `exclusive ${exclusive}, reverse ${reverse}`, [uniform([3, 7], 0.5, 1.5), i32s(1)], {
            exclusive,
            reverse,
          }),
        ),
      ),
    ),
    ...(['LogicalAnd', 'LogicalOr'] as const).map((op) => at(op, 'broadcast', [truths([4, 1]), truths([3])])),
    at('LogicalNot', 'random', [truths([9])]),
    at('AccumulateNV2', 'three', [normal([2, 3]), normal([2, 3]), normal([2, 3])], { shape: { shape: [2, 3] } }),
    at('AddN', 'three', [normal([2, 3]), normal([2, 3]), normal([2, 3])]),
    at('CheckNumericsV2', 'finite', [normal([5])], { message: 'not finite' }),
    at('CheckNumericsV2', 'NaN', [f32(1, Number.NaN)], { message: 'not finite' }),
    at('CheckNumerics', 'infinite', [f32(1, Number.POSITIVE_INFINITY)], { message: 'not finite' }),
    at('BiasAddV1', 'rank 3', [normal([2, 3, 4]), normal([4])]),
    at('TopK', 'k 3', [normal([4, 9])], { k: { int: 3 } }),
    at('TopK', 'ties', [integers('int32', [4, 9], 0, 3)], { k: { int: 5 } }),
    at('ToBool', 'float', [f32(2.5)]),
    at('ToBool', 'zero', [numbers('float32', [0], [])]),
    at('ToBool', 'empty', [normal([0])]),
  ];
}
