import { describe, expect, it } from 'vitest';
import type { DType } from '../../../src/base/dtype.ts';
import { numbersOf, scalar, type Tensor, tensorOf } from '../../../src/base/tensor.ts';
import { type AttrInputs, attrs, int, type } from '../../../src/graph/attr.ts';
import { builder } from '../../../src/graph/builder.ts';
import { constNode } from '../../../src/graph/constant.ts';
import { Graph, type GraphFunction, type Node, parseValue, type Value } from '../../../src/graph/graph.ts';
import type { Model } from '../../../src/graph/model.ts';
import { openReference } from '../../../src/runtime/reference/open.ts';
import { compile } from '../../../src/runtime/session.ts';
import { hasHost } from '../../support/native-host.ts';

/** One node in a line: `node('Add', 'sum', ['a', 'b:1', '^c'], { T: … })`. */
const node = (op: string, name: string, from: readonly string[], given: AttrInputs = {}): Node => ({
  name,
  op,
  inputs: from.filter((text) => !text.startsWith('^')).map(parseValue),
  controls: from.filter((text) => text.startsWith('^')).map((text) => text.slice(1)),
  attrs: attrs(given),
});
const T = type('int32');
const constant = (name: string, value: number, ...controls: string[]): Node => ({
  ...constNode(name, scalar('int32', value)),
  controls,
});
const input = (name: string, dtype: DType = 'int32'): Node => node('Placeholder', name, [], { dtype: type(dtype) });

function model(graph: Graph, inputs: Readonly<Record<string, DType>> = {}): Model {
  const ends = Object.entries(inputs).map(([key, dtype]) => ({ key, value: parseValue(key), dtype, shape: null }));
  return { graph, inputs: ends, outputs: [], initializers: [], assets: new Map() };
}

const fetching = (made: Model, output: string): Model => ({
  ...made,
  outputs: [{ key: output, value: parseValue(output), dtype: 'int32', shape: null }],
});

async function run(
  nodes: readonly Node[],
  fetches: readonly string[],
  feeds: Readonly<Record<string, Tensor>> = {},
  library?: ReadonlyMap<string, GraphFunction>,
): Promise<number[][]> {
  const dtypes = Object.fromEntries(Object.entries(feeds).map(([key, t]) => [key, t.dtype]));
  const runner = await openReference(model(new Graph(nodes, library), dtypes), fetches.map(parseValue));
  return (await runner.run(new Map(Object.entries(feeds)))).map(numbersOf);
}

/** while (i < limit) { i += step } in frame `frame`; the exit is `<frame>/exit`. */
const loop = (frame: string, start: string, limit: string, step: string): Node[] => {
  const n = (name: string) => `${frame}/${name}`;
  const enter = (name: string, from: string, isConstant: boolean) =>
    node('Enter', n(name), [from], { T, frame_name: frame, is_constant: isConstant });
  return [
    enter('enter', start, false),
    enter('limit', limit, true),
    enter('step', step, true),
    node('Merge', n('merge'), [n('enter'), n('next')], { T, N: int(2) }),
    node('Less', n('less'), [n('merge'), n('limit')], { T }),
    node('LoopCond', n('cond'), [n('less')]),
    node('Switch', n('switch'), [n('merge'), n('cond')], { T }),
    node('Identity', n('in'), [`${n('switch')}:1`], { T }),
    node('AddV2', n('add'), [n('in'), n('step')], { T }),
    node('NextIteration', n('next'), [n('add')], { T }),
    node('Exit', n('exit'), [n('switch')], { T }),
  ];
};

describe('branches of TensorFlow 1', () => {
  const branch = [
    input('x'),
    input('p', 'bool'),
    node('Switch', 's', ['x', 'p'], { T }),
    node('Identity', 'off', ['s:0'], { T }),
    node('Identity', 'on', ['s:1'], { T }),
    constant('one', 1, 'on'),
    node('AddV2', 'plus', ['s:1', 'one'], { T }),
    constant('seven', 7, 'off'),
    node('Merge', 'm', ['seven', 'plus'], { T, N: int(2) }),
  ];
  const flag = (on: boolean) => ({ dtype: 'bool' as const, shape: [], data: Uint8Array.of(on ? 1 : 0) });

  it('takes the side of the predicate, constants and control inputs included', async () => {
    expect(await run(branch, ['m', 'm:1'], { x: scalar('int32', 5), p: flag(true) })).toEqual([[6], [1]]);
    expect(await run(branch, ['m', 'm:1'], { x: scalar('int32', 5), p: flag(false) })).toEqual([[7], [0]]);
  });

  it('refuses to fetch what is dead', async () => {
    const dead = run(branch, ['plus'], { x: scalar('int32', 5), p: flag(false) });
    await expect(dead).rejects.toThrow('a branch that was not taken');
  });
});

describe('loops of TensorFlow 1', () => {
  it('runs until the condition is false', async () => {
    const nodes = [
      constant('zero', 0),
      constant('ten', 10),
      constant('three', 3),
      ...loop('w', 'zero', 'ten', 'three'),
    ];
    expect(await run(nodes, ['w/exit'])).toEqual([[12]]);
  });

  it('runs no iteration when the condition is false at once', async () => {
    const nodes = [
      constant('zero', 20),
      constant('ten', 10),
      constant('three', 3),
      ...loop('w', 'zero', 'ten', 'three'),
    ];
    expect(await run(nodes, ['w/exit'])).toEqual([[20]]);
  });

  it('feeds one loop from another', async () => {
    const nodes = [
      constant('zero', 0),
      constant('ten', 10),
      constant('three', 3),
      ...loop('b', 'a/exit', 'hundred', 'three'),
      constant('hundred', 20),
      ...loop('a', 'zero', 'ten', 'three'),
    ];
    expect(await run(nodes, ['b/exit', 'a/exit'])).toEqual([[21], [12]]);
  });

  it('swaps two variables an iteration, whatever the order of its nodes', async () => {
    const enter = (name: string, from: string) => node('Enter', name, [from], { T, frame_name: 'w' });
    const merge = (name: string, from: string, back: string) => node('Merge', name, [from, back], { T, N: int(2) });
    const nodes = [
      constant('c0', 0),
      constant('c1', 1),
      constant('c2', 2),
      constant('c5', 5),
      enter('ei', 'c0'),
      enter('ea', 'c1'),
      enter('eb', 'c2'),
      node('Enter', 'limit', ['c5'], { T, frame_name: 'w', is_constant: true }),
      node('Enter', 'by', ['c1'], { T, frame_name: 'w', is_constant: true }),
      merge('mi', 'ei', 'ni'),
      merge('ma', 'ea', 'na'),
      node('Less', 'less', ['mi', 'limit'], { T }),
      node('LoopCond', 'cond', ['less']),
      node('Switch', 'si', ['mi', 'cond'], { T }),
      node('Switch', 'sa', ['ma', 'cond'], { T }),
      node('NextIteration', 'nb', ['sa:1'], { T }),
      merge('mb', 'eb', 'nb'),
      node('Switch', 'sb', ['mb', 'cond'], { T }),
      node('NextIteration', 'na', ['sb:1'], { T }),
      node('AddV2', 'more', ['si:1', 'by'], { T }),
      node('NextIteration', 'ni', ['more'], { T }),
      node('Exit', 'a', ['sa'], { T }),
      node('Exit', 'b', ['sb'], { T }),
    ];
    expect(await run(nodes, ['a', 'b'])).toEqual([[2], [1]]);
    expect(await run([...nodes].reverse(), ['b', 'a'])).toEqual([[1], [2]]);
  });

  it('starts an inner loop anew in each iteration of the outer one', async () => {
    // for (i = 0; i < 4; i++) for (j = i; j < 3; j += 1); the sum of the inner exits is 3 + 3 + 3 + 3.
    const enter = (name: string, from: string, more: AttrInputs = {}) =>
      node('Enter', name, [from], { T, frame_name: 'outer', ...more });
    const nodes = [
      constant('zero', 0),
      constant('one', 1),
      constant('three', 3),
      constant('four', 4),
      enter('o/i', 'zero'),
      enter('o/sum', 'zero'),
      enter('o/one', 'one', { is_constant: true }),
      enter('o/three', 'three', { is_constant: true }),
      enter('o/four', 'four', { is_constant: true }),
      node('Merge', 'o/mi', ['o/i', 'o/ni'], { T, N: int(2) }),
      node('Merge', 'o/ms', ['o/sum', 'o/ns'], { T, N: int(2) }),
      node('Less', 'o/less', ['o/mi', 'o/four'], { T }),
      node('LoopCond', 'o/cond', ['o/less']),
      node('Switch', 'o/si', ['o/mi', 'o/cond'], { T }),
      node('Switch', 'o/ss', ['o/ms', 'o/cond'], { T }),
      ...loop('inner', 'o/si:1', 'o/three', 'o/one'),
      node('AddV2', 'o/add', ['o/ss:1', 'inner/exit'], { T }),
      node('AddV2', 'o/up', ['o/si:1', 'o/one'], { T }),
      node('NextIteration', 'o/ni', ['o/up'], { T }),
      node('NextIteration', 'o/ns', ['o/add'], { T }),
      node('Exit', 'i', ['o/si'], { T }),
      node('Exit', 'sum', ['o/ss'], { T }),
    ];
    expect(await run(nodes, ['i', 'sum'])).toEqual([[4], [12]]);
  });

  it('refuses to fetch a value of the body', async () => {
    const nodes = [
      constant('zero', 0),
      constant('ten', 10),
      constant('three', 3),
      ...loop('w', 'zero', 'ten', 'three'),
    ];
    await expect(run(nodes, ['w/add'])).rejects.toThrow("node 'w/add' (AddV2): lies inside of the loop 'w'");
  });

  it('can be stopped when it runs for ever', async () => {
    const nodes = [constant('zero', 0), constant('ten', 10), ...loop('w', 'zero', 'ten', 'zero')];
    const runner = await openReference(model(new Graph(nodes)), [parseValue('w/exit')]);
    const signal = AbortSignal.timeout(120);
    await expect(runner.run(new Map(), { signal })).rejects.toThrow(/abort|timeout/i);
  });
});

describe('functions', () => {
  const fn = (
    name: string,
    args: readonly string[],
    results: readonly string[],
    nodes: readonly Node[],
  ): GraphFunction => ({
    name,
    args,
    results: results.map((text) => ({ name: text, value: parseValue(text) })),
    body: new Graph([...args.map((arg, i) => node('_Arg', arg, [], { T, index: int(i) })), ...nodes]),
  });
  const library = new Map(
    [
      fn('less', ['i', 'n'], ['r'], [node('Less', 'r', ['i', 'n'], { T })]),
      fn('step', ['i', 'n'], ['j', 'n'], [constant('one', 1), node('AddV2', 'j', ['i', 'one'], { T })]),
      fn('double', ['x'], ['y'], [node('AddV2', 'y', ['x', 'x'], { T })]),
      fn('same', ['x'], ['x'], []),
      fn(
        'endless',
        ['x'],
        ['y'],
        [node('PartitionedCall', 'y', ['x'], { f: { func: { name: 'endless', attrs: new Map() } } })],
      ),
    ].map((f) => [f.name, f]),
  );
  const func = (name: string) => ({ func: { name, attrs: new Map() } });
  const feeds = { x: scalar('int32', 3), n: scalar('int32', 9) };

  it('runs While, If, Case, calls and direct calls', async () => {
    const nodes = [
      input('x'),
      input('n'),
      constant('zero', 0),
      constant('two', 2),
      node('While', 'w', ['x', 'n'], { cond: func('less'), body: func('step') }),
      node('If', 'yes', ['n', 'x'], { then_branch: func('double'), else_branch: func('same') }),
      node('StatelessIf', 'no', ['zero', 'x'], { then_branch: func('double'), else_branch: func('same') }),
      node('Case', 'case', ['two', 'x'], { branches: { list: { funcs: [func('same').func, func('double').func] } } }),
      node('StatefulPartitionedCall', 'call', ['x'], { f: func('double') }),
      node('double', 'direct', ['call']),
    ];
    expect(await run(nodes, ['w', 'w:1', 'yes', 'no', 'case', 'direct'], feeds, library)).toEqual([
      [9],
      [9],
      [6],
      [3],
      [6],
      [12],
    ]);
  });

  it('While that does not end can be stopped, in initializers too, and the event loop turns meanwhile', async () => {
    const nodes = [
      input('x'),
      input('n'),
      node('While', 'w', ['x', 'n'], { cond: func('less'), body: func('same2') }),
      constant('one', 1),
      constant('two', 2),
      node('While', 'start', ['one', 'two'], { cond: func('less'), body: func('same2') }),
    ];
    const endless = new Map([...library, ['same2', fn('same2', ['i', 'n'], ['i', 'n'], [])]]);
    const made = model(new Graph(nodes, endless), { x: 'int32', n: 'int32' });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for (const backend of ['reference', 'native'] as const) {
      if (backend === 'native' && !hasHost) continue;
      using session = await compile(fetching(made, 'w'), { backend });
      await expect(session.run(feeds, { signal: AbortSignal.timeout(200) })).rejects.toThrow(/abort|timeout/i);
      const starting = { ...fetching(made, 'w'), initializers: ['start'] };
      await expect(compile(starting, { backend, signal: AbortSignal.timeout(200) })).rejects.toThrow(/abort|timeout/i);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  it('stops functions that call themselves without end', async () => {
    const nodes = [input('x'), node('PartitionedCall', 'c', ['x'], { f: func('endless') })];
    await expect(run(nodes, ['c'], { x: scalar('int32', 3) }, library)).rejects.toThrow('call each other');
  });

  it('names every op without a kernel, those of functions too', async () => {
    const odd = new Map([['odd', fn('odd', ['x'], ['y'], [node('NoSuchOp', 'y', ['x'])])]]);
    const nodes = [
      input('x'),
      node('SymbolicGradient', 'g', ['x'], { f: func('odd') }),
      node('PartitionedCall', 'c', ['g'], { f: func('odd') }),
    ];
    await expect(run(nodes, ['c'], { x: scalar('int32', 3) }, odd)).rejects.toThrow(
      /node 'g' \(SymbolicGradient\).*node 'y' \(NoSuchOp\)/,
    );
  });
});

describe('plain graphs', () => {
  it('runs only what the fetches need, and reads a fed value instead of what is behind it', async () => {
    const b = builder();
    const x = b.input('x', 'int32', [2]);
    const bad = b.node('Abort', 'bad', []);
    const sum: Value = b.node('AddV2', 'sum', [x, x], { T });
    b.node('AddV2', 'unused', [bad, bad], { T });
    const runner = await openReference(model(b.graph(), { x: 'int32' }), [sum]);
    expect((await runner.run(new Map([['x', tensorOf('int32', [1, 2])]]))).map(numbersOf)).toEqual([[2, 4]]);
    const inner = await openReference(model(b.graph(), { sum: 'int32' }), [sum]);
    expect((await inner.run(new Map([['sum', tensorOf('int32', [5])]]))).map(numbersOf)).toEqual([[5]]);
  });

  it('names a missing input, and a placeholder that is none', async () => {
    const nodes = [input('x'), node('AddV2', 'y', ['x', 'x'], { T })];
    await expect(run(nodes, ['y'])).rejects.toThrow("node 'x' (Placeholder): is needed");
    const runner = await openReference(model(new Graph(nodes), { x: 'int32' }), [parseValue('y')]);
    await expect(runner.run(new Map())).rejects.toThrow("the input 'x' is not given");
  });

  it('takes a default where nothing is fed', async () => {
    const nodes = [
      constant('c', 4),
      node('PlaceholderWithDefault', 'x', ['c'], {}),
      node('AddV2', 'y', ['x', 'x'], { T }),
    ];
    const runner = await openReference(model(new Graph(nodes), { x: 'int32' }), [parseValue('y')]);
    expect((await runner.run(new Map())).map(numbersOf)).toEqual([[8]]);
    expect((await runner.run(new Map([['x', scalar('int32', 1)]]))).map(numbersOf)).toEqual([[2]]);
    expect(runner.runSync(new Map()).map(numbersOf)).toEqual([[8]]);
  });
});
