import { describe, expect, it } from 'vitest';
import { rng } from '../../src/base/rng.ts';
import { scalar, type Tensor, tensor, tensorOf, zeros } from '../../src/base/tensor.ts';
import { int, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { profile } from '../../src/runtime/native/profile.ts';
import { hasHost } from '../support/native-host.ts';

const T = { T: type('float32') };
const random = rng(11);
const reals = (...shape: number[]): Tensor<'float32'> =>
  tensor(
    'float32',
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.uniform() * 4 - 2),
  );
const whole = (b: Builder, name: string, values: readonly number[]): Value =>
  b.constant(name, tensorOf('int32', values as number[]));

const window = (k: number, stride: number, padding = 'SAME') => ({
  ...T,
  ksize: ints([1, k, k, 1]),
  strides: ints([1, stride, stride, 1]),
  padding,
});
const strides = { ...T, strides: ints([1, 1, 1, 1]), padding: 'SAME' };

const shape = [2, 6, 7, 24] as const;
type Build = (b: Builder, x: Value) => Value;

/** Each op of float32 with a native form, behind and in front of one that makes the segment worth while. */
const forms: Readonly<Record<string, Build>> = {
  Conv2D: (b, x) => b.node('Conv2D', 'y', [x, b.constant('w', reals(3, 3, 24, 20))], strides),
  'Conv2D + BiasAdd + Relu6': (b, x) => {
    const conv = b.node('Conv2D', 'conv', [x, b.constant('w', reals(1, 1, 24, 20))], strides);
    return b.node('Relu6', 'y', [b.node('BiasAdd', 'sum', [conv, b.constant('b', reals(20))], T)], T);
  },
  'Conv2D + BiasAdd + AddV2 + Relu': (b, x) => {
    const conv = b.node('Conv2D', 'conv', [x, b.constant('w', reals(3, 3, 24, 24))], strides);
    const sum = b.node('BiasAdd', 'sum', [conv, b.constant('b', reals(24))], T);
    return b.node('Relu', 'y', [b.node('AddV2', 'add', [sum, x], T)], T);
  },
  'Conv2D in groups': (b, x) => b.node('Conv2D', 'y', [x, b.constant('w', reals(3, 3, 6, 20))], strides),
  'Conv2D with dilation': (b, x) =>
    b.node('Conv2D', 'y', [x, b.constant('w', reals(3, 3, 24, 20))], { ...strides, dilations: ints([1, 2, 2, 1]) }),
  ...Object.fromEntries(
    (
      [
        [2, 2, 'SAME', 12, 14],
        [3, 2, 'SAME', 11, 13],
        [4, 2, 'SAME', 12, 14],
        [5, 3, 'VALID', 20, 23],
        [2, 3, 'VALID', 17, 20],
        [3, 1, 'SAME', 6, 7],
        [4, 2, 'VALID', 15, 17],
      ] as const
    ).map(([k, stride, padding, h, w]): [string, Build] => [
      `Conv2DBackpropInput ${k} × ${k}, ${stride}, ${padding}`,
      (b, x) =>
        b.node('Conv2DBackpropInput', 'y', [whole(b, 'size', [2, h, w, 10]), b.constant('w', reals(k, k, 10, 24)), x], {
          ...T,
          strides: ints([1, stride, stride, 1]),
          padding,
        }),
    ]),
  ),
  'DepthwiseConv2dNative + BiasAdd': (b, x) => {
    const conv = b.node('DepthwiseConv2dNative', 'conv', [x, b.constant('w', reals(3, 3, 24, 1))], strides);
    return b.node('BiasAdd', 'y', [conv, b.constant('b', reals(24))], T);
  },
  MaxPool: (b, x) => b.node('MaxPool', 'y', [x], window(3, 2)),
  AvgPool: (b, x) => b.node('AvgPool', 'y', [x], window(3, 1)),
  Mean: (b, x) => b.node('Mean', 'y', [x, whole(b, 'axes', [1, 2])], { ...T, keep_dims: true, Tidx: type('int32') }),
  Softmax: (b, x) => b.node('Softmax', 'y', [x], T),
  LogSoftmax: (b, x) => b.node('LogSoftmax', 'y', [x], T),
  LRN: (b, x) =>
    b.node('LRN', 'y', [x], {
      ...T,
      depth_radius: int(2),
      bias: { float: 1 },
      alpha: { float: 0.1 },
      beta: { float: 0.75 },
    }),
  ResizeBilinear: (b, x) =>
    b.node('ResizeBilinear', 'y', [x, whole(b, 'size', [13, 5])], { ...T, half_pixel_centers: true }),
  'ResizeBilinear with corners': (b, x) =>
    b.node('ResizeBilinear', 'y', [x, whole(b, 'size', [9, 9])], { ...T, align_corners: true }),
  ResizeNearestNeighbor: (b, x) => b.node('ResizeNearestNeighbor', 'y', [x, whole(b, 'size', [12, 14])], T),
  Sigmoid: (b, x) => b.node('Sigmoid', 'y', [x], T),
  'Mul by a vector': (b, x) => b.node('Mul', 'y', [x, b.constant('v', reals(24))], T),
  'Sub of a scalar': (b, x) => b.node('Sub', 'y', [b.constant('v', scalar('float32', 2)), x], T),
  'Mul by a gate': (b, x) => {
    const gate = b.node('Mean', 'gate', [x, whole(b, 'axes', [1, 2])], { ...T, keep_dims: true, Tidx: type('int32') });
    return b.node('Mul', 'y', [x, gate], T);
  },
  StridedSlice: (b, x) => {
    const [begin, end, steps] = [
      [0, 1, 0, 8],
      [0, 6, 7, 24],
      [1, 2, 3, 1],
    ].map((v, i) => whole(b, `s${i}`, v));
    return b.node('StridedSlice', 'y', [x, begin!, end!, steps!], {
      ...T,
      Index: type('int32'),
      begin_mask: int(1),
      end_mask: int(1),
    });
  },
  Slice: (b, x) =>
    b.node('Slice', 'y', [x, whole(b, 'begin', [0, 2, 1, 3]), whole(b, 'size', [-1, 3, -1, 17])], {
      ...T,
      Index: type('int32'),
    }),
  ...Object.fromEntries(
    (['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'] as const).map((op): [string, Build] => [
      `${op} and Cast`,
      (b, x) => {
        const peaks = b.node('MaxPool', 'peaks', [x], window(3, 1));
        const holds = b.node(op, 'holds', [x, peaks], T);
        const mask = b.node('Cast', 'mask', [holds], { SrcT: type('bool'), DstT: type('float32') });
        return b.node('Mul', 'y', [x, mask], T);
      },
    ]),
  ),
  ...Object.fromEntries(
    (
      [
        ['pixels', [0, 0, 1, 2, 3, 0, 0, 0], undefined],
        ['channels', [0, 0, 0, 0, 0, 0, 0, 24], undefined],
        ['channels on both sides', [0, 0, 0, 0, 0, 0, 5, 3], undefined],
        ['all axes', [1, 0, 2, 1, 0, 3, 1, 7], undefined],
        ['all axes with a number', [0, 2, 1, 0, 2, 2, 3, 1], -1.5],
        ['pixels with the least number', [0, 0, 1, 1, 1, 1, 0, 0], -3.4e38],
        ['nothing', [0, 0, 0, 0, 0, 0, 0, 0], undefined],
      ] as const
    ).map(([what, pads, value]): [string, Build] => [
      `Pad of ${what}`,
      (b, x) => {
        const paddings = b.constant('pads', tensorOf('int32', [...pads], [4, 2]));
        const attrs = { ...T, Tpaddings: type('int32') };
        if (value === undefined) return b.node('Pad', 'y', [x, paddings], attrs);
        return b.node('PadV2', 'y', [x, paddings, b.constant('value', scalar('float32', value))], attrs);
      },
    ]),
  ),
  'Pad of a matrix': (b, x) => {
    const rows = b.node('Reshape', 'rows', [x, whole(b, 'shape', [-1, 24])], { ...T, Tshape: type('int32') });
    const paddings = b.constant('pads', tensorOf('int32', [1, 2, 3, 4], [2, 2]));
    return b.node('Pad', 'y', [b.node('Exp', 'exp', [rows], T), paddings], { ...T, Tpaddings: type('int32') });
  },
  ...Object.fromEntries(
    (
      [
        ['BatchMatMulV2', false, false],
        ['BatchMatMulV2', true, false],
        ['BatchMatMulV2', false, true],
        ['BatchMatMul', true, true],
      ] as const
    ).map(([op, x1, y1]): [string, Build] => [
      `${op}, adj_x ${x1}, adj_y ${y1}`,
      (b, x) => {
        // [2, 6, 7, 24] by [2, 6, 24, 7], either of which may come transposed.
        const perm = [0, 1, 3, 2];
        const turned = () => b.node('Transpose', 'turned', [x, whole(b, 'perm', perm)], { ...T, Tperm: type('int32') });
        const second = y1 ? b.node('Exp', 'exp', [x], T) : turned();
        return b.node(op, 'y', [x1 ? turned() : x, second], { ...T, adj_x: x1, adj_y: y1 });
      },
    ]),
  ),
  'BatchMatMulV2 that repeats a matrix': (b, x) => {
    const first = b.node('Slice', 'first', [x, whole(b, 'begin', [0, 2, 0, 0]), whole(b, 'size', [1, 1, 7, 24])], {
      ...T,
      Index: type('int32'),
    });
    return b.node('BatchMatMulV2', 'y', [x, first], { ...T, adj_x: false, adj_y: true });
  },
  'BatchMatMulV2 by a constant': (b, x) => b.node('BatchMatMulV2', 'y', [x, b.constant('w', reals(24, 10))], T),
  'MatMul of computed matrices': (b, x) => {
    const rows = b.node('Reshape', 'rows', [x, whole(b, 'shape', [-1, 24])], { ...T, Tshape: type('int32') });
    const product = b.node('MatMul', 'product', [rows, b.node('Sigmoid', 'gates', [rows], T)], {
      ...T,
      transpose_a: true,
    });
    const sum = b.node('BiasAdd', 'sum', [product, b.constant('b', reals(24))], T);
    return b.node('Relu', 'y', [sum], T);
  },
  'Transpose of pixels': (b, x) =>
    b.node('Transpose', 'y', [x, whole(b, 'perm', [0, 2, 1, 3])], { ...T, Tperm: type('int32') }),
  'Transpose to NCHW': (b, x) =>
    b.node('Transpose', 'y', [x, whole(b, 'perm', [0, 3, 1, 2])], { ...T, Tperm: type('int32') }),
};

function modelOf(build: Build): Model {
  const b = builder();
  const x = b.input('x', 'float32', shape);
  const y = build(b, b.node('Relu', 'first', [x], T));
  const last = b.node('Neg', 'last', [y], T);
  return {
    graph: b.graph(),
    inputs: [{ key: 'x', value: x, dtype: 'float32', shape: [null, ...shape.slice(1)] }],
    outputs: [{ key: 'y', value: last, dtype: 'float32', shape: null }],
    initializers: [],
    assets: new Map(),
  };
}

describe.skipIf(!hasHost)('float32 ops in native sessions', () => {
  it.each(Object.entries(forms))('compute %s as the reference does', async (_, build) => {
    const model = modelOf(build);
    const fetches = model.outputs.map((output) => output.value);
    const [native, reference] = await Promise.all([
      openBackend('native', model, fetches, { threads: 2 }),
      openBackend('reference', model, fetches),
    ]);
    const feeds = new Map<string, Tensor>([['x', reals(...shape)]]);
    const [[ours], [wanted]] = await Promise.all([native.runner.run(feeds), reference.runner.run(feeds)]);
    native.runner.dispose();
    reference.runner.dispose();
    expect(ours!.shape).toEqual(wanted!.shape);
    const rows = await profile(model, feeds, { repeats: 1 });
    expect(rows.filter((row) => row.kernel === 'reference').map((row) => row.node)).toEqual([]);
    const [got, expected] = [ours!.data as Float32Array, wanted!.data as Float32Array];
    got.forEach((value, i) => {
      if (!(Math.abs(value - expected[i]!) <= 2e-5)) expect.fail(`element ${i} is ${value}, not ${expected[i]}`);
    });
  });
});

describe.skipIf(!hasHost)('integers that enter native sessions', () => {
  it.each(['int32', 'uint8', 'int8', 'bool'] as const)('are made numbers of %s', async (dtype) => {
    const b = builder();
    const x = b.input('x', dtype, [1, 9, 9, 3]);
    const real = b.node('Cast', 'real', [x], { SrcT: type(dtype), DstT: type('float32') });
    const conv = b.node('Conv2D', 'conv', [real, b.constant('w', reals(3, 3, 3, 5))], strides);
    const model: Model = {
      graph: b.graph(),
      inputs: [{ key: 'x', value: x, dtype, shape: [null, 9, 9, 3] }],
      outputs: [{ key: 'y', value: conv, dtype: 'float32', shape: null }],
      initializers: [],
      assets: new Map(),
    };
    const most = { int32: 1000, uint8: 255, int8: 127, bool: 1 }[dtype];
    const least = { int32: -1000, uint8: 0, int8: -128, bool: 0 }[dtype];
    const values = zeros(dtype, [2, 9, 9, 3]);
    for (let i = 0; i < values.data.length; i++) values.data[i] = random.int(least, most);
    const feeds = new Map<string, Tensor>([['x', values]]);
    const rows = await profile(model, feeds, { repeats: 1 });
    expect(rows.map((row) => row.kernel)).not.toContain('reference');
    const [native, reference] = await Promise.all(
      (['native', 'reference'] as const).map((name) => openBackend(name, model, [conv])),
    );
    const [[ours], [wanted]] = await Promise.all([native!.runner.run(feeds), reference!.runner.run(feeds)]);
    native!.runner.dispose();
    const expected = wanted!.data as Float32Array;
    (ours!.data as Float32Array).forEach((value, i) => {
      if (!(Math.abs(value - expected[i]!) <= 1e-5 * most * 27)) expect.fail(`${value}, not ${expected[i]}`);
    });
  });
});
