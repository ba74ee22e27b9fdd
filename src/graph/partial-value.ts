import { type DType, integerLimits, isDType } from '../base/dtype.ts';
import { numbersOf } from '../base/tensor.ts';
import { constTensor } from './constant.ts';
import type { Node, Value } from './graph.ts';
import type { TypeOf } from './infer.ts';
import { resolveStridedSlice } from './shapes/strided-slice.ts';
import { opAttr } from './signature.ts';

/** Elements as far as they are known. */
type Elements = readonly (number | null)[];

/** What partial evaluation may ask for. */
export type PartialContext = {
  readonly type: (value: Value) => TypeOf;
  readonly elements: (value: Value) => Elements | undefined;
};

/** Elements are worth knowing for shapes, axes and the like, not for weights. */
const maxElements = 1024;

/**
 * The elements of an integer value as far as they are known before running: `Shape → StridedSlice → Pack → Reshape` gives
 * the sizes that are known, and null for the batch. Undefined where nothing is known.
 */
export function partialValues(node: Node, port: number, context: PartialContext): Elements | undefined {
  const tensor = constTensor(node);
  if (tensor !== undefined) {
    const isNumeric = isDType(tensor.dtype) && !['string', 'resource', 'variant'].includes(tensor.dtype);
    return isNumeric && tensor.data.length <= maxElements ? numbersOf(tensor) : undefined;
  }
  const found = partialRules.get(node.op)?.(new Inputs(node, context), port);
  return found !== undefined && found.length <= maxElements ? found : undefined;
}

/** A node's inputs, as its rule asks for them. */
class Inputs {
  readonly node: Node;
  readonly #context: PartialContext;

  constructor(node: Node, context: PartialContext) {
    this.node = node;
    this.#context = context;
  }
  get count(): number {
    return this.node.inputs.length;
  }
  type(i: number): TypeOf {
    return this.#context.type(this.node.inputs[i]!);
  }
  /** The elements of input `i`; all null where only their number is known. */
  elements(i: number): Elements | undefined {
    const known = this.#context.elements(this.node.inputs[i]!);
    if (known !== undefined) return known;
    const { shape } = this.type(i);
    if (shape === null || shape.includes(null)) return undefined;
    const size = shape.reduce((product: number, dim) => product * dim!, 1);
    return size > maxElements ? undefined : new Array<null>(size).fill(null);
  }
  /** The elements of input `i` if it is a vector or scalar. */
  vector(i: number): Elements | undefined {
    const rank = this.type(i).shape?.length;
    return rank !== undefined && rank <= 1 ? this.elements(i) : undefined;
  }
  /** The only element of input `i`, if it is known. */
  number(i: number): number | null {
    const known = this.#context.elements(this.node.inputs[i]!);
    return known?.length === 1 ? known[0]! : null;
  }
}

type PartialRule = (inputs: Inputs, port: number) => Elements | undefined;

const whole: Partial<Record<DType, readonly [number, number]>> = {
  ...integerLimits,
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  bool: [0, 1],
};

/** `x` if it is an integer that `dtype` holds; what would wrap or round is not known. */
function held(x: number | null, dtype: DType | undefined): number | null {
  const range = dtype === undefined ? undefined : whole[dtype];
  if (x === null || range === undefined || !Number.isInteger(x)) return null;
  return x >= range[0] && x <= range[1] ? x : null;
}

const same: PartialRule = (inputs) => inputs.elements(0);

/** Elementwise on two scalars or vectors of integers. `absorb` is the result where one side alone decides it. */
const binary =
  (f: (x: number, y: number) => number, result?: 'bool'): PartialRule =>
  (inputs) => {
    const [a, b] = [inputs.vector(0), inputs.vector(1)];
    const { dtype } = inputs.type(0);
    if (a === undefined || b === undefined || dtype === undefined || whole[dtype] === undefined) return undefined;
    if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
    const at = (list: Elements, i: number) => list[list.length === 1 ? 0 : i]!;
    const length = a.length === 1 ? b.length : a.length;
    return Array.from({ length }, (_, i) => {
      const [x, y] = [at(a, i), at(b, i)];
      return x === null || y === null ? null : held(f(x, y), result ?? dtype);
    });
  };

const floorMod = (x: number, y: number): number => x - Math.floor(x / y) * y;

/** All elements of a vector joined into one. */
const fold =
  (f: (x: number, y: number) => number, initial: number): PartialRule =>
  (inputs) => {
    const values = inputs.vector(0);
    const axes = inputs.elements(1);
    if (values === undefined) return undefined;
    if (axes?.length === 0) return values;
    const joined = values.includes(null) ? null : (values as number[]).reduce(f, initial);
    return [held(joined, inputs.type(0).dtype)];
  };

const pack: PartialRule = (inputs) => {
  const parts = Array.from({ length: inputs.count }, (_, i) => inputs.elements(i));
  const isScalars = parts.every((part, i) => part?.length === 1 && inputs.type(i).shape?.length === 0);
  return isScalars ? parts.map((part) => part![0]!) : undefined;
};

const concat = (inputs: Inputs, from: number, to: number): Elements | undefined => {
  const parts: (number | null)[] = [];
  for (let i = from; i < to; i++) {
    const part = inputs.vector(i);
    if (part === undefined) return undefined;
    parts.push(...part);
  }
  return parts;
};

const stridedSlice: PartialRule = (inputs) => {
  const values = inputs.vector(0);
  const [begin, end, strides] = [1, 2, 3].map((i) => inputs.elements(i));
  if (values === undefined || inputs.type(0).shape?.length !== 1) return undefined;
  if (begin === undefined || end === undefined || strides === undefined) return undefined;
  const { axes } = resolveStridedSlice(inputs.node, [values.length], begin, end, strides);
  const { start, size, step } = axes[0]!;
  const known = [...begin, ...end, ...strides].every((x) => x !== null);
  return size === null || !known ? undefined : Array.from({ length: size }, (_, i) => values[start + i * step] ?? null);
};

const slice: PartialRule = (inputs) => {
  const values = inputs.vector(0);
  const [start, size] = [inputs.number(1), inputs.number(2)];
  if (values === undefined || start === null || size === null) return undefined;
  return values.slice(start, size === -1 ? undefined : start + size);
};

const gather: PartialRule = (inputs) => {
  const [params, indices] = [inputs.vector(0), inputs.elements(1)];
  if (inputs.type(0).shape?.length !== 1) return undefined;
  return params === undefined ? undefined : indices?.map((i) => (i === null ? null : (params[i] ?? null)));
};

const split =
  (value: number): PartialRule =>
  (inputs, port) => {
    const values = inputs.vector(value);
    if (values === undefined) return undefined;
    if (value === 1) {
      const size = values.length / opAttr(inputs.node, 'num_split', 'int');
      return values.slice(port * size, (port + 1) * size);
    }
    const sizes = inputs.elements(1);
    if (sizes === undefined || sizes.some((s) => s === null || s < 0)) return undefined;
    const start = (sizes as number[]).slice(0, port).reduce((sum, s) => sum + s, 0);
    return values.slice(start, start + sizes[port]!);
  };

const range: PartialRule = (inputs) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => inputs.number(i)) as (number | null)[];
  if (start == null || limit == null || delta == null || delta === 0) return undefined;
  const size = Math.max(0, Math.ceil((limit - start) / delta));
  if (size > maxElements) return undefined;
  return Array.from({ length: size }, (_, i) => held(start + i * delta, inputs.type(0).dtype));
};

const repeat = (dims: readonly (number | null)[] | null | undefined, x: number | null): Elements | undefined => {
  if (dims == null || dims.some((dim) => dim === null)) return undefined;
  const size = (dims as number[]).reduce((product, dim) => product * dim, 1);
  return size >= 0 && size <= maxElements ? new Array<number | null>(size).fill(x) : undefined;
};

const select: PartialRule = (inputs) => {
  const [condition, t, e] = [inputs.vector(0), inputs.vector(1), inputs.vector(2)];
  if (condition === undefined || t === undefined || e === undefined || t.length !== e.length) return undefined;
  if (condition.length !== 1 && condition.length !== t.length) return undefined;
  return t.map((yes, i) => {
    const chosen = condition[condition.length === 1 ? 0 : i]!;
    const no = e[i]!;
    if (chosen === null) return yes === no ? yes : null;
    return chosen ? yes : no;
  });
};

const cast: PartialRule = (inputs) => {
  const to = opAttr(inputs.node, 'DstT', 'type');
  return inputs.elements(0)?.map((x) => held(x !== null && to === 'bool' ? Number(x !== 0) : x, to));
};

const size: PartialRule = (inputs) => {
  const { shape } = inputs.type(0);
  if (shape === null) return [null];
  return [
    shape.includes(0) ? 0 : shape.reduce((n: number | null, dim) => (n === null || dim === null ? null : n * dim), 1),
  ];
};

const truth = (test: (x: number, y: number) => boolean) => binary((x, y) => (test(x, y) ? 1 : 0), 'bool');

/** A Map, so that an op's name from a file can't reach an object's prototype. */
const partialRules: ReadonlyMap<string, PartialRule> = new Map(
  Object.entries<PartialRule>({
    Abs: (inputs) => inputs.elements(0)?.map((x) => held(x === null ? null : Math.abs(x), inputs.type(0).dtype)),
    Add: binary((x, y) => x + y),
    AddV2: binary((x, y) => x + y),
    Cast: cast,
    Concat: (inputs) => concat(inputs, 1, inputs.count),
    ConcatV2: (inputs) => concat(inputs, 0, inputs.count - 1),
    EnsureShape: same,
    Equal: truth((x, y) => x === y),
    ExpandDims: same,
    Fill: (inputs) => repeat(inputs.elements(0), inputs.number(1)),
    FloorDiv: binary((x, y) => Math.floor(x / y)),
    FloorMod: binary(floorMod),
    Gather: gather,
    GatherV2: gather,
    Greater: truth((x, y) => x > y),
    GreaterEqual: truth((x, y) => x >= y),
    Identity: same,
    Less: truth((x, y) => x < y),
    LessEqual: truth((x, y) => x <= y),
    LogicalAnd: truth((x, y) => x !== 0 && y !== 0),
    LogicalOr: truth((x, y) => x !== 0 || y !== 0),
    Max: fold(Math.max, -Infinity),
    Maximum: binary(Math.max),
    Min: fold(Math.min, Infinity),
    Minimum: binary(Math.min),
    Mul: binary((x, y) => x * y),
    Neg: (inputs) => inputs.elements(0)?.map((x) => held(x === null ? null : 0 - x, inputs.type(0).dtype)),
    NotEqual: truth((x, y) => x !== y),
    OnesLike: (inputs) => repeat(inputs.type(0).shape, 1),
    Pack: pack,
    Prod: fold((x, y) => x * y, 1),
    Range: range,
    Rank: (inputs) => [inputs.type(0).shape?.length ?? null],
    Reshape: same,
    Select: select,
    SelectV2: select,
    Shape: (inputs) => inputs.type(0).shape ?? undefined,
    ShapeN: (inputs, port) => inputs.type(port).shape ?? undefined,
    Size: size,
    Slice: slice,
    Snapshot: same,
    Split: split(1),
    SplitV: split(0),
    Squeeze: same,
    StopGradient: same,
    StridedSlice: stridedSlice,
    Sub: binary((x, y) => x - y),
    Sum: fold((x, y) => x + y, 0),
    TruncateDiv: binary((x, y) => Math.trunc(x / y)),
    Unpack: (inputs, port) => {
      const values = inputs.vector(0);
      return values === undefined ? undefined : [values[port] ?? null];
    },
    ZerosLike: (inputs) => repeat(inputs.type(0).shape, 0),
  }),
);
