import { UserError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, tensor, tensorOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { shapeOf } from '../array/common.ts';
import { narrowed } from '../math/numeric.ts';
import type { ReferenceKernel, Resources } from '../reference-kernel.ts';
import { type Philox, philox, philoxOfSeeds, words } from './philox.ts';

/** 23 random bits as the fraction of a float in [1, 2), less one. */
const uniform = (bits: number): number => (bits & 0x7fffff) / 0x800000;

/** Four standard normals of a block (Box-Muller), as TensorFlow's BoxMullerFloat pairs them. */
function normals(block: readonly number[]): number[] {
  return [0, 2].flatMap((i) => {
    const radius = Math.sqrt(-2 * Math.log(Math.max(uniform(block[i]!), 1e-7)));
    const angle = 2 * Math.PI * uniform(block[i + 1]!);
    return [Math.sin(angle) * radius, Math.cos(angle) * radius];
  });
}

/** Numbers from a generator. */
type Draw = (generator: Philox, count: number) => number[];

const byBlock =
  (f: (block: readonly number[]) => readonly number[]): Draw =>
  (generator, count) => {
    const out: number[] = [];
    while (out.length < count) out.push(...f(generator.next()));
    return out.slice(0, count);
  };

const draws = { uniform: byBlock((block) => block.map(uniform)), normal: byBlock(normals) };

function checkFloat(node: Node): 'float32' | 'float16' | 'bfloat16' {
  const dtype = readAttr(node, 'dtype', 'type', 'float32');
  if (dtype !== 'float32') throw new UserError(`octet draws random numbers of float32 only, not ${dtype}`);
  return dtype;
}

const drawn = (draw: Draw, generator: Philox, shape: readonly number[], node: Node): Tensor => {
  const dtype = checkFloat(node);
  return narrowed(tensor('float32', shape, Float32Array.from(draw(generator, sizeOf(shape)))), dtype);
};

/**
 * The generator of a stateful op: it goes on from run to run, so it is kept for the session. Without seeds TensorFlow takes
 * random ones; octet takes zeros, so that runs can be repeated.
 */
function stateful(node: Node, resources: Resources): Philox {
  const name = `random/${node.name}`;
  const known = resources.session.get(name) as Philox | undefined;
  if (known !== undefined) return known;
  const [seed, seed2] = [readAttr(node, 'seed', 'int', 0), readAttr(node, 'seed2', 'int', 0)];
  const made = philoxOfSeeds(BigInt(seed), BigInt(seed2));
  resources.session.set(name, made);
  return made;
}

/** Scrambles a pair of seeds into key and counter, as StatelessRandom ops do. */
function stateless(seed: Tensor): Philox {
  const { key, counter } = scrambled(seed);
  return philox(words(key), [...words(counter[0]), ...words(counter[1])]);
}

function scrambled(seed: Tensor): { key: bigint; counter: [bigint, bigint] } {
  const [a, b] = Array.from(seed.data as ArrayLike<number | bigint>, (x) => BigInt.asUintN(64, BigInt(x)));
  if (a === undefined || b === undefined) throw new UserError('a stateless seed is two numbers');
  const block = philox([0x3ec8f720, 0x02461e29], [...words(a), ...words(b)]).next();
  const join = (low: number, high: number) => BigInt(low) | (BigInt(high) << 32n);
  return { key: join(block[0], block[1]), counter: [0n, join(block[2], block[3])] };
}

const keyed = ([, key, counter]: readonly Tensor[]): Philox => {
  const k = (key!.data as BigUint64Array)[0]!;
  const [low, high] = counter!.data as BigUint64Array as unknown as [bigint, bigint];
  return philox(words(k), [...words(low), ...words(high)]);
};

const statefulKernel =
  (draw: Draw): ReferenceKernel =>
  ([shape], node, resources) => [drawn(draw, stateful(node, resources), shapeOf(shape!), node)];
const statelessKernel =
  (draw: Draw): ReferenceKernel =>
  ([shape, seed], node) => [drawn(draw, stateless(seed!), shapeOf(shape!), node)];
const keyedKernel =
  (draw: Draw): ReferenceKernel =>
  (inputs, node) => [drawn(draw, keyed(inputs), shapeOf(inputs[0]!), node)];

/** Integers in [low, high) from the generator's words. */
function integers(generator: Philox, [shape, low, high]: readonly Tensor[]): Tensor {
  if (low!.dtype !== 'int32') throw new UserError(`octet draws random integers of int32 only, not ${low!.dtype}`);
  const [from, to] = [numberOf(low!), numberOf(high!)];
  if (!(from < to)) throw new UserError(`no integer is in [${from}, ${to})`);
  const dims = numbersOf(shape!);
  const draw = byBlock((block) => block.map((bits) => from + (bits % (to - from))));
  return tensorOf('int32', draw(generator, sizeOf(dims)), dims);
}

/** Random numbers by Philox, with TensorFlow's own sequences for float32 and given seeds. */
export const randomReference = {
  RandomStandardNormal: statefulKernel(draws.normal),
  RandomUniform: statefulKernel(draws.uniform),
  RandomUniformInt: (inputs, node, resources) => [integers(stateful(node, resources), inputs)],
  StatelessRandomGetAlg: () => [tensorOf('int32', [1], [])],
  StatelessRandomGetKeyCounter: ([seed]) => {
    const { key, counter } = scrambled(seed!);
    return [tensor('uint64', [1], BigUint64Array.of(key)), tensor('uint64', [2], BigUint64Array.from(counter))];
  },
  StatelessRandomNormal: statelessKernel(draws.normal),
  StatelessRandomNormalV2: keyedKernel(draws.normal),
  StatelessRandomUniform: statelessKernel(draws.uniform),
  StatelessRandomUniformInt: ([shape, seed, low, high]) => [integers(stateless(seed!), [shape!, low!, high!])],
  StatelessRandomUniformV2: keyedKernel(draws.uniform),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
