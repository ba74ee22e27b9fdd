import { describe, expect, it } from 'vitest';
import { scalar, tensorOf } from '../../src/base/tensor.ts';
import { type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { any, commutative, constant, op } from '../../src/graph/pattern.ts';
import { printGraph } from '../../src/graph/print.ts';
import { type Rule, rewrite, rule, type TraceEntry } from '../../src/graph/rewrite.ts';

const T = type('float32');
const reluOfRelu = rule('relu-of-relu', op('Relu', op('Relu', any('x'))), ({ x }, { add }) =>
  add('Relu', 'once', [x], { T }),
);
const addZero = rule('add-zero', commutative('AddV2', any('x'), constant('c')), ({ x, c }) =>
  c.tensor.data.length === 1 && c.tensor.data[0] === 0 ? x : undefined,
);

const run = (graph: Graph, rules: readonly Rule[], keep: readonly string[]) => {
  const trace: TraceEntry[] = [];
  const text = printGraph(rewrite(graph, rules, { keep: new Set(keep), trace: (entry) => trace.push(entry) }));
  return { text, trace };
};

describe('rewrite', () => {
  it('gives the result the name of the root and drops what nothing reads', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 4]);
    const inner = b.node('Relu', 'inner', [x], { T });
    const outer = b.node('Relu', 'outer', [inner], { T });
    b.node('Tanh', 'y', [outer], { T });
    const { text, trace } = run(b.graph(), [reluOfRelu], ['y']);
    expect(text).toBe('x = Placeholder() {shape: [?,4]}\nouter = Relu(x)\ny = Tanh(outer)\n');
    expect(trace).toEqual([{ rule: 'relu-of-relu', node: 'outer', from: 'Relu', to: 'Relu' }]);
  });

  it('leaves an interior node alone that others read, or that the model gives out', () => {
    const b = builder();
    const x = b.input('x', 'float32', [4]);
    const inner = b.node('Relu', 'inner', [x], { T });
    b.node('Relu', 'outer', [inner], { T });
    b.node('Tanh', 'other', [inner], { T });
    expect(run(b.graph(), [reluOfRelu], ['outer', 'other']).trace).toEqual([]);
    expect(run(b.graph(), [reluOfRelu], ['outer', 'inner']).trace).toEqual([]);
  });

  it('reaches a fixpoint through chains', () => {
    const b = builder();
    let v = b.input('x', 'float32', [4]);
    for (let i = 0; i < 5; i++) v = b.node('Relu', `r${i}`, [v], { T });
    b.node('Tanh', 'y', [v], { T });
    expect(run(b.graph(), [reluOfRelu], ['y']).text).toContain('r4 = Relu(x)');
  });

  it('sends readers of the root to a value that was there before, in either order of a commutative op', () => {
    const b = builder();
    const x = b.input('x', 'float32', [4]);
    const zero = b.constant('zero', scalar('float32', 0));
    const a = b.node('AddV2', 'a', [zero, x], { T });
    b.node('AddV2', 'y', [a, a], { T });
    expect(run(b.graph(), [addZero], ['y']).text).toBe('x = Placeholder() {shape: [4]}\ny = AddV2(x, x)\n');
  });

  it('keeps the name of an output that a value from before stands for', () => {
    const b = builder();
    const x = b.input('x', 'float32', [4]);
    b.node('AddV2', 'y', [x, b.constant('zero', scalar('float32', 0))], { T });
    expect(run(b.graph(), [addZero], ['y']).text).toContain('y = Identity(x)');
  });

  it('does not match when the guard says no', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    b.node('AddV2', 'y', [x, b.constant('c', tensorOf('float32', [1, 2]))], { T });
    expect(run(b.graph(), [addZero], ['y']).trace).toEqual([]);
  });

  it('keeps the constants that a rule adds when its result takes the name of the root over', () => {
    const doubled = rule('doubled', op('Relu', any('x')), ({ x }, { add, constant: put }) =>
      add('Mul', 'twice', [x, put('two', scalar('float32', 2))], { T }),
    );
    const b = builder();
    b.node('Relu', 'y', [b.input('x', 'float32', [4])], { T });
    expect(run(b.graph(), [doubled], ['y']).text).toBe(
      'x = Placeholder() {shape: [4]}\ny/two = float32[] {2}\ny = Mul(x, y/two)\n',
    );
  });

  it('changes a private interior node under its own name, and refuses to change one that others read', () => {
    const toTanh = rule('to-tanh', op('Relu', op('Sigmoid', any('x')).as('inner').shared()), ({ inner }, { become }) =>
      become(inner, { op: 'Tanh' }),
    );
    const build = (isShared: boolean) => {
      const b = builder();
      const inner = b.node('Sigmoid', 'inner', [b.input('x', 'float32', [4])], { T });
      b.node('Abs', 'y', [b.node('Relu', 'outer', [inner], { T })], { T });
      if (isShared) b.node('Neg', 'other', [inner], { T });
      return b.graph();
    };
    expect(run(build(false), [toTanh], ['y']).text).toBe(
      'x = Placeholder() {shape: [4]}\ninner = Tanh(x)\ny = Abs(inner)\n',
    );
    expect(() => run(build(true), [toTanh], ['y', 'other'])).toThrow(/others read/);
  });
});
