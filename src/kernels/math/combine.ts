import { isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, sameShape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, tensor, tensorOf, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { broadcastView, copy, view } from '../array/view.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { binaryRows, elementwise } from './binary.ts';
import { broadcastShape } from './broadcast.ts';
import { castKernel } from './cast.ts';
import { numberData, throughFloat32 } from './numeric.ts';

const addN: ReferenceKernel = throughFloat32((inputs) => {
  const [first, ...rest] = inputs;
  for (const t of rest)
    if (!sameShape(t.shape, first!.shape))
      throw new UserError(`can't add ${formatShape(first!.shape)} and ${formatShape(t.shape)}`);
  return [rest.reduce((sum, t) => elementwise(binaryRows.AddV2, sum, t), first!)];
});

/** min(max(t, low), high); a NaN stays. */
const clipByValue: ReferenceKernel = throughFloat32(([t, low, high]) => {
  const upper = elementwise(binaryRows.Minimum, t!, high!);
  const out = elementwise(binaryRows.Maximum, upper, low!);
  if (!sameShape(out.shape, t!.shape)) throw new UserError('the limits of a clip do not fit its tensor');
  return [out];
});

/** All three operands broadcast together. */
const selectV2: ReferenceKernel = ([condition, t, e]) => {
  const shape = broadcastShape(condition!.shape, broadcastShape(t!.shape, e!.shape));
  const out = zeros(t!.dtype, shape) as Tensor;
  const whole = view(out);
  copy(broadcastView(view(e!), shape), whole);
  if (sizeOf(shape) === 0) return [out];
  const mask = zeros('bool', shape);
  copy(broadcastView(view(condition!), shape), view(mask));
  const yes = zeros(t!.dtype, shape) as Tensor;
  copy(broadcastView(view(t!), shape), view(yes));
  const [to, from, units] = [whole.cells as unknown[], view(yes).cells, whole.cellsPerElement];
  for (let i = 0; i < to.length; i++) if (mask.data[units === 1 ? i : i >> 1]) to[i] = from[i];
  return [out];
};

const range: ReferenceKernel = throughFloat32(([start, limit, delta]) => {
  const { dtype } = start!;
  const [from, to, step] = [start!, limit!, delta!].map(numberOf) as [number, number, number];
  if (step === 0) throw new UserError('the step of a range is zero');
  const size = Math.ceil((to - from) / step);
  if (size < 0) throw new UserError(`a range from ${from} to ${to} in steps of ${step}`);
  if (!(size <= 2 ** 31)) throw new UserError(`a range of ${size} elements`);
  const out = zeros(dtype, [size]) as Tensor;
  if (isBigInt(dtype)) {
    const [first, by] = [(start!.data as BigInt64Array)[0]!, (delta!.data as BigInt64Array)[0]!];
    for (let i = 0; i < size; i++) (out.data as BigInt64Array)[i] = first + BigInt(i) * by;
    return [out];
  }
  // TensorFlow adds the step to the last value, in the type itself.
  const data = numberData(out);
  let value = from;
  for (let i = 0; i < size; i++) {
    data[i] = value;
    value = data[i]! + step;
  }
  return [out];
});

const linSpace: ReferenceKernel = throughFloat32(([start, stop, num]) => {
  const [from, to, count] = [start!, stop!, num!].map(numberOf) as [number, number, number];
  if (count < 1) throw new UserError(`a linear space of ${count} numbers`);
  const step = count === 1 ? 0 : (to - from) / (count - 1);
  const values = Array.from({ length: count }, (_, i) => (i === count - 1 && count > 1 ? to : from + step * i));
  return [tensorOf(start!.dtype as 'float32', values)];
});

/** Vector products along the last axis, of size 3. */
const cross: ReferenceKernel = throughFloat32(([a, b]) => {
  if (a!.shape.at(-1) !== 3 || !sameShape(a!.shape, b!.shape)) throw new UserError('a cross product needs triples');
  const out = zeros(a!.dtype, a!.shape) as Tensor;
  const [x, y, z] = [numberData(a!), numberData(b!), numberData(out)];
  for (let i = 0; i < z.length; i += 3)
    for (let k = 0; k < 3; k++) {
      const [l, m] = [i + ((k + 1) % 3), i + ((k + 2) % 3)];
      z[i + k] = x[l]! * y[m]! - x[m]! * y[l]!;
    }
  return [out];
});

/** The number of boundaries that are at most x. */
const bucketize: ReferenceKernel = ([input], node) => {
  const boundaries = readAttr(node, 'boundaries', 'floats', []);
  const buckets = numbersOf(input!).map((x) => {
    const above = boundaries.findIndex((b) => x < b);
    return above === -1 ? boundaries.length : above;
  });
  return [tensor('int32', input!.shape, Int32Array.from(buckets))];
};

/** Counts in `nbins` equal bins over [low, high]; what is outside goes to the ends. */
const histogramFixedWidth: ReferenceKernel = ([values, valueRange, nbins], node) => {
  const [low, high] = numbersOf(valueRange!) as [number, number];
  const bins = numberOf(nbins!);
  if (!(low < high) || bins < 1) throw new UserError(`a histogram of ${bins} bins over [${low}, ${high}]`);
  const counts = new Array<number>(bins).fill(0);
  for (const x of numbersOf(values!)) {
    const bin = Math.min(Math.max(Math.floor(((x - low) / (high - low)) * bins), 0), bins - 1);
    counts[bin]!++;
  }
  return [tensorOf(readAttr(node, 'dtype', 'type', 'int32') === 'int64' ? 'int64' : 'int32', counts)];
};

const complexPart =
  (of: (re: number, im: number) => number): ReferenceKernel =>
  ([x]) => {
    const data = x!.data as Float32Array;
    return [
      tensor(
        'float32',
        x!.shape,
        Float32Array.from({ length: data.length / 2 }, (_, i) => of(data[2 * i]!, data[2 * i + 1]!)),
      ),
    ];
  };

export const combineKernels = {
  AccumulateNV2: addN,
  AddN: addN,
  Angle: complexPart((re, im) => Math.atan2(im, re)),
  Bucketize: bucketize,
  Cast: castKernel,
  ClipByValue: clipByValue,
  Complex: ([real, imag]) => {
    const [re, im] = [numberData(real!), numberData(imag!)];
    const shape = broadcastShape(real!.shape, imag!.shape);
    if (!sameShape(shape, real!.shape) || !sameShape(shape, imag!.shape))
      throw new UserError('real and imaginary parts differ in shape');
    return [
      tensor(
        'complex64',
        shape,
        Float32Array.from({ length: re.length * 2 }, (_, i) => (i % 2 ? im : re)[i >> 1]!),
      ),
    ];
  },
  ComplexAbs: complexPart(Math.hypot),
  Conj: ([x]) => [
    x!.dtype === 'complex64'
      ? tensor('complex64', x!.shape, x!.data.map((v, i) => (i % 2 ? -v : v)) as Float32Array<ArrayBuffer>)
      : x!,
  ],
  Cross: cross,
  HistogramFixedWidth: histogramFixedWidth,
  Imag: complexPart((_, im) => im),
  LinSpace: linSpace,
  Range: range,
  Real: complexPart((re) => re),
  SelectV2: selectV2,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
