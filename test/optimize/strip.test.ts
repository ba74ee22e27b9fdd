import { describe, expect, it } from 'vitest';
import { scalar, stringTensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { int, shapeAttr, type, types } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import { type Node, value } from '../../src/graph/graph.ts';
import { optimized, T } from './support.ts';

const bool = (truth: boolean) => tensor('bool', [], Uint8Array.of(truth ? 1 : 0));

describe('strip-identities', () => {
  const build = () => {
    const b = builder();
    return { b, x: b.input('x', 'float32', [2]) };
  };

  it('drops what gives its input on', () => {
    const { b, x } = build();
    const read = b.node('Identity', 'read', [x], T);
    const checked = b.node('CheckNumerics', 'checked', [read], { ...T, message: 'NaN!' });
    const stopped = b.node('StopGradient', 'stopped', [checked], T);
    const prevented = b.node('PreventGradient', 'prevented', [stopped], T);
    const printed = b.node('Print', 'printed', [prevented, x], { ...T, U: types(['float32']) });
    b.node('Relu', 'y', [b.node('Snapshot', 'snapshot', [printed], T)], T);
    expect(optimized(b.graph(), ['y'], ['strip-identities']).text).toBe(
      'x = Placeholder() {shape: [2]}\ny = Relu(x)\n',
    );
  });

  it("keeps an output's name, and drops the Identity in front of it", () => {
    const { b, x } = build();
    b.node('Identity', 'y', [b.node('Identity', 'inner', [b.node('Relu', 'relu', [x], T)], T)], T);
    expect(optimized(b.graph(), ['y'], ['strip-identities']).text).toBe(
      'x = Placeholder() {shape: [2]}\nrelu = Relu(x)\ny = Identity(relu)\n',
    );
  });

  it('takes the default of a PlaceholderWithDefault that is no input', () => {
    const { b, x } = build();
    const one = b.constant('one', tensorOf('float32', [1, 1]));
    const keep = b.node('PlaceholderWithDefault', 'keep', [one], { dtype: type('float32'), shape: shapeAttr([2]) });
    b.node('Mul', 'y', [x, keep], T);
    expect(optimized(b.graph(), ['y'], ['strip-identities']).text).toContain('y = Mul(x, one)');
  });

  it('leaves one that others wait for', () => {
    const { b, x } = build();
    const held = b.node('Identity', 'held', [x], T);
    const late: Node = { ...b.graph().node('held'), name: 'late', controls: ['held'] };
    const graph = b.graph().with([...b.graph().nodes.values(), late]);
    expect(optimized(graph, ['late', held.node], ['strip-identities']).rules).toEqual([]);
  });
});

describe('strip-controls', () => {
  it('drops assertions and prints that an inference waits for', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const fine = b.node('IsFinite', 'fine', [x], T);
    const all = b.node('All', 'all', [fine, b.constant('axis', tensorOf('int32', [0]))], { Tidx: type('int32') });
    b.node('Relu', 'y', [x], T);
    const text = b.constant('text', stringTensor(['no'], []));
    const assertion: Node = {
      name: 'assert',
      op: 'Assert',
      inputs: [all, text],
      controls: [],
      attrs: new Map([['T', types(['string'])]]),
    };
    const group: Node = { name: 'group', op: 'NoOp', inputs: [], controls: ['assert'], attrs: new Map() };
    const nodes = [...b.graph().nodes.values()].map((node) =>
      node.name === 'y' ? { ...node, controls: ['group'] } : node,
    );
    const graph = b.graph().with([...nodes, assertion, group]);
    expect(optimized(graph, ['y'], ['strip-controls', 'strip-unused']).text).toBe(
      'x = Placeholder() {shape: [2]}\ny = Relu(x)\n',
    );
  });

  it('keeps waiting for what has an effect', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    b.node('Relu', 'y', [x], T);
    const handle: Node = {
      name: 'v',
      op: 'VarHandleOp',
      inputs: [],
      controls: [],
      attrs: new Map([
        ['dtype', type('float32')],
        ['shape', shapeAttr([2])],
      ]),
    };
    const assign: Node = {
      name: 'assign',
      op: 'AssignVariableOp',
      inputs: [value('v'), x],
      controls: [],
      attrs: new Map([['dtype', type('float32')]]),
    };
    const nodes = [...b.graph().nodes.values()].map((node) =>
      node.name === 'y' ? { ...node, controls: ['assign'] } : node,
    );
    const { text } = optimized(b.graph().with([...nodes, handle, assign]), ['y'], ['strip-controls', 'strip-unused']);
    expect(text).toContain('y = Relu(x, ^assign)');
  });
});

describe('strip-dead-branches', () => {
  const build = (flag: boolean | undefined) => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const pred = flag === undefined ? b.input('flag', 'bool', []) : b.constant('flag', bool(flag));
    const both = b.node('Switch', 'switch', [x, pred], T);
    const yes = b.node('Relu', 'yes', [value(both.node, 1)], T);
    const no = b.node('Tanh', 'no', [both], T);
    b.node('Sigmoid', 'y', [b.node('Merge', 'merge', [no, yes], { ...T, N: int(2) })], T);
    return optimized(b.graph(), ['y'], ['strip-dead-branches']);
  };

  it('takes the branch that a constant says', () => {
    expect(build(true).text).toBe('x = Placeholder() {shape: [2]}\nyes = Relu(x)\ny = Sigmoid(yes)\n');
    expect(build(false).text).toBe('x = Placeholder() {shape: [2]}\nno = Tanh(x)\ny = Sigmoid(no)\n');
  });

  it('leaves a predicate that is fed', () => {
    expect(build(undefined).rules).toEqual([]);
  });
});

describe('strip-dropout', () => {
  const build = (form: 'tf1' | 'cast' | 'select', isNoiseRead = false) => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const shape = b.constant('shape', tensorOf('int32', [2]));
    const half = b.constant('half', scalar('float32', 0.5));
    const two = b.constant('two', scalar('float32', 2));
    const random = b.node('RandomUniform', 'random', [shape], { dtype: type('float32'), T: type('int32') });
    const outputs = ['y'];
    if (form === 'tf1') {
      const noise = b.node('Add', 'noise', [half, random], T);
      b.node('Mul', 'drop', [b.node('RealDiv', 'div', [x, half], T), b.node('Floor', 'floor', [noise], T)], T);
    } else {
      const kept = b.node('GreaterEqual', 'kept', [random, half], T);
      const scaled = b.node('Mul', 'scaled', [x, two], T);
      const zero = b.constant('zero', scalar('float32', 0));
      if (form === 'select') b.node('SelectV2', 'drop', [kept, scaled, zero], T);
      else {
        const cast = b.node('Cast', 'cast', [kept], { SrcT: type('bool'), DstT: type('float32') });
        b.node('Mul', 'drop', [scaled, cast], T);
      }
    }
    b.node('Relu', 'y', [value('drop')], T);
    if (isNoiseRead) outputs.push(b.node('Identity', 'noise_out', [random], T).node);
    return optimized(b.graph(), outputs, ['strip-dropout']);
  };

  it.each(['tf1', 'cast', 'select'] as const)('drops the %s form', (form) => {
    expect(build(form).text).toBe('x = Placeholder() {shape: [2]}\ny = Relu(x)\n');
  });

  it('leaves noise that others read', () => {
    expect(build('tf1', true).rules).toEqual([]);
  });
});
