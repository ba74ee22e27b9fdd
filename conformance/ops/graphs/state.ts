import { shapeAttr, type, types } from '../../../src/graph/attr.ts';
import { type GraphCase, node } from '../../graph-case.ts';
import { i32, normal } from '../values.ts';
import { graph, T } from './constants.ts';

const dtype = T;

export function variables(): GraphCase[] {
  const handle = (name: string) => node('VarHandleOp', 'v', [], { dtype, shape: shapeAttr([3, 2]), shared_name: name });
  const read = (after: string, as: string) => node('ReadVariableOp', as, ['v', `^${after}`], { dtype });
  const values = { x: normal([3, 2]), d: normal([3, 2]), rows: i32(2, 0) };
  return [
    graph(
      'variable, assigned',
      values,
      [
        handle('conformance/assigned'),
        node('AssignVariableOp', 'assign', ['v', 'x'], { dtype }),
        node('AssignAddVariableOp', 'add', ['v', 'd', '^assign'], { dtype }),
        read('add', 'added'),
        node('AssignSubVariableOp', 'sub', ['v', 'x', '^added'], { dtype }),
        read('sub', 'less'),
        node('VariableShape', 'shape', ['v', '^less'], { out_type: type('int32') }),
        node('ResourceGather', 'gathered', ['v', 'rows', '^less'], { dtype, Tindices: type('int32') }),
        node('VarIsInitializedOp', 'there', ['v', '^less']),
        node('DisableCopyOnRead', 'copy', ['v', '^there']),
        node('DestroyResourceOp', 'destroy', ['v', '^gathered', '^shape', '^copy']),
        node('VarIsInitializedOp', 'gone', ['v', '^destroy']),
      ],
      ['added', 'less', 'shape', 'gathered', 'there', 'gone'],
    ),
    graph(
      'variable, never assigned',
      {},
      [handle('conformance/never'), node('ReadVariableOp', 'read', ['v'], { dtype })],
      ['read'],
    ),
    // Those of TensorFlow 1 are constants by the time octet runs a graph: left over, they have no value in either.
    ...(['Variable', 'VariableV2'] as const).flatMap((op) => [
      graph(`${op} without a value`, {}, [node(op, 'v', [], { dtype, shape: shapeAttr([2]) })], ['v']),
      graph(
        `${op} without a value, by reference`,
        {},
        [node(op, 'v', [], { dtype, shape: shapeAttr([2]) }), node('RefIdentity', 'r', ['v'], { T })],
        ['r'],
      ),
    ]),
  ];
}

export function optionals(): GraphCase[] {
  const shapes = { output_types: types(['float32']), output_shapes: { list: { shapes: [[3]] } } };
  return [
    graph(
      'Optional',
      { x: normal([3]) },
      [
        node('OptionalFromValue', 'some', ['x'], { Toutput_types: types(['float32']) }),
        node('OptionalHasValue', 'has', ['some']),
        node('OptionalGetValue', 'got', ['some'], shapes),
        node('OptionalNone', 'none'),
        node('OptionalHasValue', 'hasNone', ['none']),
      ],
      ['has', 'got', 'hasNone'],
    ),
    graph(
      'Optional without a value',
      {},
      [node('OptionalNone', 'none'), node('OptionalGetValue', 'got', ['none'], shapes)],
      ['got'],
    ),
  ];
}
