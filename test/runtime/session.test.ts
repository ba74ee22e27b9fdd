import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import type { PartialShape } from '../../src/base/shape.ts';
import { numbersOf, tensorOf, textAt } from '../../src/base/tensor.ts';
import { Graph, value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { compile as compileFor } from '../../src/runtime/session.ts';

/** A model that gives its inputs back. */
function echo(inputs: Readonly<Record<string, readonly [DType, PartialShape]>>): Model {
  const ends = Object.entries(inputs).map(([key, [dtype, shape]]) => ({ key, value: value(key), dtype, shape }));
  const nodes = ends.map(({ key }) => ({ name: key, op: 'Placeholder', inputs: [], controls: [], attrs: new Map() }));
  return { graph: new Graph(nodes), inputs: ends, outputs: ends, initializers: [], assets: new Map() };
}

/** What a session promises does not depend on the backend; this one runs everywhere. */
const compile = (model: Model) => compileFor(model, { backend: 'reference' });

afterEach(() => vi.unstubAllEnvs());

describe('a session', () => {
  it('takes tensors, typed arrays and plain values', async () => {
    using session = await compile(
      echo({ x: ['float32', [null, 2]], n: ['int64', []], s: ['string', [null]], q: ['uint8', null] }),
    );
    const out = await session.run({ x: Float32Array.of(1, 2, 3, 4), n: 7, s: ['a', 'b'], q: tensorOf('uint8', [1]) });
    expect(out.x).toEqual(tensorOf('float32', [1, 2, 3, 4], [2, 2]));
    expect(numbersOf(out.n!)).toEqual([7]);
    expect(out.n!.shape).toEqual([]);
    expect(textAt(out.s as never, 1)).toBe('b');
    expect(Object.getPrototypeOf(out)).toBeNull();
    expect(session.backend).toBe('reference');
  });

  it.each([
    [{ y: 1 }, "the model has no input 'y' — its inputs are: x"],
    [{}, "the input 'x' is not given"],
    [{ x: Int32Array.of(1, 2) }, "the input 'x' was given a Int32Array; float32 [?,2] is wanted"],
    [{ x: [1, 2, 3] }, "the input 'x' was given 3 elements; float32 [?,2] is wanted"],
    [{ x: tensorOf('float32', [1, 2], [2, 1]) }, "the input 'x' was given shape [2,1]; float32 [?,2] is wanted"],
    [{ x: tensorOf('int32', [1, 2], [1, 2]) }, "the input 'x' was given a int32 tensor; float32 [?,2] is wanted"],
    [{ x: 'text' }, "the input 'x' was given a string; float32 [?,2] is wanted"],
  ])('says what is wrong with %o', async (feeds, message) => {
    using session = await compile(echo({ x: ['float32', [null, 2]] }));
    await expect(session.run(feeds)).rejects.toThrow(message);
    expect(() => session.runSync(feeds)).toThrow(message);
  });

  it('refuses integers that do not fit', async () => {
    using session = await compile(echo({ x: ['int8', [null]] }));
    await expect(session.run({ x: [127, 128] })).rejects.toThrow('was given the value 128; int8 [?] is wanted');
    await expect(session.run({ x: [0.5] })).rejects.toThrow('was given the value 0.5');
  });

  it('does not run after it was disposed of', async () => {
    const session = await compile(echo({ x: ['float32', []] }));
    session.dispose();
    session.dispose();
    await expect(session.run({ x: 1 })).rejects.toThrow('disposed');
  });

  it('stops when the signal says so', async () => {
    using session = await compile(echo({ x: ['float32', []] }));
    await expect(session.run({ x: 1 }, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('takes the backend of OCTET_BACKEND, and no other name', async () => {
    vi.stubEnv('OCTET_BACKEND', 'reference');
    expect((await compileFor(echo({ x: ['float32', []] }))).backend).toBe('reference');
    vi.stubEnv('OCTET_BACKEND', 'fast');
    await expect(compileFor(echo({}))).rejects.toThrow("OCTET_BACKEND is 'fast' — set it to");
    expect((await compileFor(echo({}), { backend: 'reference' })).backend).toBe('reference');
  });
});
