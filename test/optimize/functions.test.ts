import { describe, expect, it } from 'vitest';
import { scalar, type Tensor, tensor } from '../../src/base/tensor.ts';
import { attrs, float, int, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Graph, GraphFunction, Value } from '../../src/graph/graph.ts';
import { printGraph } from '../../src/graph/print.ts';
import { optimize, passes } from '../../src/optimize/index.ts';
import { conv, counting, evaluate, modelOf, optimized, run, T, vec } from './support.ts';

/** A function of one float32 picture. */
function fn(name: string, build: (b: Builder, x: Value) => Value): GraphFunction {
  const b = builder();
  const x = b.node('_Arg', 'x', [], { ...T, index: int(0) });
  const y = build(b, x);
  return { name, args: ['x'], results: [{ name: 'y', value: y }], body: b.graph() };
}

/** Conv2D → FusedBatchNormV3 → Identity, with constants that are computed. */
const network = (b: Builder, x: Value): Value => {
  const moments = [vec(4, 2), vec(0, 1), vec(1, 1), vec(1, 1)].map((v, i) => b.constant(`moment${i}`, v));
  const norm = b.node('FusedBatchNormV3', 'norm', [conv(b, x, 'conv', counting([1, 1, 2, 2])), ...moments], {
    ...{ ...T, U: type('float32'), epsilon: float(0), is_training: false },
  });
  return b.node('Identity', 'y', [norm], T);
};

const halve = (b: Builder, x: Value): Value => {
  const two = b.node(
    'AddV2',
    'two',
    [b.constant('one', scalar('float32', 1)), b.constant('uno', scalar('float32', 1))],
    T,
  );
  return b.node('RealDiv', 'y', [x, two], T);
};

/** If(p, network, halve)(x), with a function that nobody calls. */
function branches(): Graph {
  const b = builder();
  const x = b.input('x', 'float32', [1, 1, 1, 2]);
  const p = b.input('p', 'bool', []);
  const func = (name: string) => ({ func: { name, attrs: attrs({}) } });
  b.node('StatelessIf', 'if', [p, x], {
    ...{ Tcond: type('bool'), Tin: { list: { types: ['float32'] } }, Tout: { list: { types: ['float32'] } } },
    ...{ then_branch: func('network'), else_branch: func('halve'), output_shapes: { list: {} } },
  });
  const library = [fn('network', network), fn('halve', halve), fn('unused', network)];
  return b.graph().withLibrary(new Map(library.map((f) => [f.name, f])));
}

const all = passes.map((pass) => pass.name);

describe('functions', () => {
  it('are optimized where they are called', () => {
    const { text } = optimized(branches(), ['if'], all);
    const [called, unused] = text.split('function unused') as [string, string];
    expect(called).toMatchInlineSnapshot(`
      "x = Placeholder() {shape: [1,1,1,2]}
      p = Placeholder() {shape: []}
      if = StatelessIf(p, x) {Tcond: bool, Tin: [float32], Tout: [float32], else_branch: @halve, output_shapes: [], then_branch: @network}
      function network(x) → y
        x = _Arg() {index: 0}
        norm/weights = float32[1,1,2,2] {4 4 12 8}
        conv = Conv2D(x, norm/weights) {padding: "VALID", strides: [1, 1, 1, 1]}
        norm/bias = float32[2] {-4 -1}
        norm = BiasAdd(conv, norm/bias) {data_format: "NHWC"}
        y = Identity(norm)

      function halve(x) → y
        x = _Arg() {index: 0}
        two = float32[] {2}
        y = RealDiv(x, two)

      "
    `);
    expect(unused).toContain('FusedBatchNormV3');
  });

  it('give what they gave before', async () => {
    const graph = branches();
    const { model } = optimized(graph, ['if'], all);
    for (const p of [0, 1]) {
      const feeds = new Map<string, Tensor>([
        ['x', tensor('float32', [1, 1, 1, 2], Float32Array.of(3, -5))],
        ['p', tensor('bool', [], Uint8Array.of(p))],
      ]);
      const [[ours], [wanted]] = await Promise.all([run(model, feeds), run(modelOf(graph, ['if']), feeds)]);
      expect(ours).toEqual(wanted);
    }
  });

  it('keep what has effects, and attributes that a call fills in', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const func = (name: string) => ({ func: { name, attrs: attrs({}) } });
    const types = { Tin: { list: { types: ['float32' as const] } }, Tout: { list: { types: ['float32' as const] } } };
    const said = fn('said', (inner, v) => {
      const truth = inner.constant('truth', tensor('bool', [], Uint8Array.of(1)));
      inner.node('Assert', 'assert', [truth, v], { T: { list: { types: ['float32'] } }, summarize: int(3) });
      return inner.node('Identity', 'y', [inner.node('Identity', 'again', [v], T)], T);
    });
    const open = fn('open', (inner, v) =>
      inner.node('Identity', 'y', [inner.node('Identity', 'again', [v], { T: { placeholder: 'T' } })], T),
    );
    const first = b.node('PartitionedCall', 'first', [x], { ...types, f: func('said') });
    b.node('PartitionedCall', 'second', [first], { ...types, f: func('open') });
    const graph = b.graph().withLibrary(new Map([said, open].map((f) => [f.name, f])));
    const text = printGraph(optimize(modelOf(graph, ['second']), { evaluate }).graph);
    expect(text).toContain('Assert');
    // One of the call that says what T is not; the other is gone.
    expect(text.match(/again = /g)).toHaveLength(1);
  });
});
