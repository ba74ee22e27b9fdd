import { describe, expect, it } from 'vitest';
import { compile, toRun } from '../../src/api/compile.ts';
import { optimize } from '../../src/api/optimize.ts';
import { rng } from '../../src/base/rng.ts';
import { tensor } from '../../src/base/tensor.ts';
import { float, ints, type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import type { Model } from '../../src/graph/model.ts';
import { net } from '../compile/graphs.ts';

const random = rng(3);
const reals = (...shape: number[]) =>
  tensor(
    'float32',
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.5 + random.uniform()),
  );

/** Conv2D → FusedBatchNormV3, as it comes out of training. */
function raw(): Model {
  const b = builder();
  const T = { T: type('float32') };
  const x = b.input('x', 'float32', [null, 5, 5, 3]);
  const conv = b.node('Conv2D', 'conv', [x, b.constant('w', reals(3, 3, 3, 4))], {
    ...T,
    strides: ints([1, 1, 1, 1]),
    padding: 'SAME',
  });
  const moments = ['gamma', 'beta', 'mean', 'variance'].map((name) => b.constant(name, reals(4)));
  const y = b.node('FusedBatchNormV3', 'norm', [conv, ...moments], {
    ...{ ...T, U: type('float32'), epsilon: float(0.001), is_training: false },
  });
  return {
    graph: b.graph(),
    inputs: [{ key: 'x', value: x, dtype: 'float32', shape: [null, 5, 5, 3] }],
    outputs: [{ key: 'y', value: y, dtype: 'float32', shape: null }],
    initializers: [],
    assets: new Map(),
  };
}

const opsOf = ({ graph }: Model) => graph.order().map((node) => node.op);

describe('compile', () => {
  it('optimizes an fp32 model first, once', () => {
    const model = raw();
    expect(opsOf(model)).toContain('FusedBatchNormV3');
    expect(opsOf(toRun(model))).not.toContain('FusedBatchNormV3');
    const optimized = optimize(model);
    expect(toRun(optimized)).toBe(optimized);
    expect(opsOf(toRun(optimize(model, { passes: ['strip-unused'] })))).not.toContain('FusedBatchNormV3');
  });

  it('leaves int8 models as they are', () => {
    const n = net(1);
    const x = n.input('x', [1, 4, 4, 3]);
    const model = n.model([n.conv(x).codes], [x]);
    expect(toRun(model)).toBe(model);
  });

  it('gives the same results as the graph as it is written', async () => {
    const model = raw();
    const feeds = { x: reals(2, 5, 5, 3) };
    const results = await Promise.all(
      [true, false].map(async (isWanted) => {
        using session = await compile(model, { optimize: isWanted });
        return [...((await session.run(feeds)).y!.data as Float32Array)];
      }),
    );
    const [ours, wanted] = results as [number[], number[]];
    ours.forEach((value, i) => {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted[i]!)));
    });
  });
});
