import type { Tensor } from '../../../src/base/tensor.ts';
import { type AttrInputs, shapeAttr, type } from '../../../src/graph/attr.ts';
import type { Node } from '../../../src/graph/graph.ts';
import { type GraphCase, node } from '../../graph-case.ts';
import { f32, i32, i32s, i64, normal } from '../values.ts';
import { graph, T } from './constants.ts';

const element_dtype = T;
const dtype = T;

/** Tensor lists of TensorFlow 2. */
export function lists(): GraphCase[] {
  const x = normal([4, 2]);
  const any = i32s(-1);
  const from = node('TensorListFromTensor', 'list', ['x', 'row'], { element_dtype, shape_type: type('int32') });
  const base = { x, row: i32(2), any, one: i32s(1), four: i32s(4) };
  const list = (
    name: string,
    nodes: readonly Node[],
    fetches: readonly string[],
    more: Readonly<Record<string, Tensor>> = {},
  ) => graph(`TensorList ${name}`, { ...base, ...more }, [from, ...nodes], fetches);
  const stack = (of: string, as = 'stack') => node('TensorListStack', as, [of, 'any'], { element_dtype });
  return [
    list(
      'items',
      [
        node('TensorListLength', 'length', ['list']),
        node('TensorListElementShape', 'shape', ['list'], { shape_type: type('int32') }),
        node('TensorListGetItem', 'item', ['list', 'one', 'any'], { element_dtype }),
        node('TensorListSetItem', 'set', ['list', 'one', 'new'], { element_dtype }),
        stack('set'),
      ],
      ['length', 'shape', 'item', 'stack'],
      { new: f32(7, 8) },
    ),
    list(
      'push, pop',
      [
        node('TensorListPushBack', 'longer', ['list', 'new'], { element_dtype }),
        node('TensorListPopBack', 'popped', ['longer', 'any'], { element_dtype }),
        stack('longer', 'all'),
        stack('popped'),
      ],
      ['all', 'stack', 'popped:1'],
      { new: f32(7, 8) },
    ),
    list(
      'gather, scatter',
      [
        node('TensorListGather', 'gathered', ['list', 'order', 'any'], { element_dtype }),
        node('TensorListScatter', 'old', ['x', 'order', 'row'], { element_dtype, shape_type: type('int32') }),
        node('TensorListScatterV2', 'scattered', ['x', 'order', 'row', 'four'], {
          element_dtype,
          shape_type: type('int32'),
        }),
        node('TensorListScatterIntoExistingList', 'into', ['list', 'x', 'order'], { element_dtype }),
        stack('old', 'a'),
        stack('scattered', 'b'),
        stack('into', 'c'),
      ],
      ['gathered', 'a', 'b', 'c'],
      { order: i32(2, 0, 3, 1) },
    ),
    list(
      'split, concat',
      [
        node('TensorListConcat', 'concat', ['list2'], { element_dtype, element_shape: shapeAttr([null, 2]) }),
        node('TensorListSplit', 'list2', ['x', 'rows', 'lengths'], { element_dtype, shape_type: type('int32') }),
        node('TensorListConcatV2', 'concat2', ['list2', 'rows', 'none'], { element_dtype, shape_type: type('int32') }),
      ],
      ['concat', 'concat:1', 'concat2', 'concat2:1'],
      { rows: i32(-1, 2), lengths: i64(3, 1), none: i64() },
    ),
    list(
      'reserve, resize',
      [
        node('TensorListReserve', 'reserved', ['row', 'four'], { element_dtype, shape_type: type('int32') }),
        node('TensorListResize', 'resized', ['list', 'six']),
        node('EmptyTensorList', 'empty', ['row', 'four'], { element_dtype, shape_type: type('int32') }),
        node('TensorListLength', 'length', ['empty']),
        stack('reserved', 'a'),
        stack('resized', 'b'),
      ],
      ['a', 'b', 'length'],
      { six: i32s(6) },
    ),
    list(
      'joined lists',
      [
        node('TensorListConcatLists', 'joined', ['list', 'list'], { element_dtype }),
        stack('joined', 'a'),
        node('Reshape', 'single', ['list', 'vector'], { T: type('variant') }),
        node('TensorListPushBackBatch', 'pushed', ['single', 'batch'], { element_dtype }),
        node('Reshape', 'unpacked', ['pushed', 'none'], { T: type('variant') }),
        stack('unpacked', 'b'),
      ],
      ['a', 'b'],
      { batch: normal([1, 2]), vector: i32(1), none: i32() },
    ),
  ];
}

/** Tensor arrays of TensorFlow 1. */
export function arrays(): GraphCase[] {
  const flow = ':1';
  const made = (size: string, given: AttrInputs = {}) => node('TensorArrayV3', 'array', [size], { dtype, ...given });
  const values = { x: normal([4, 2]), four: i32s(4), two: i32s(2), one: i32s(1), order: i32(2, 0, 3, 1) };
  return [
    graph(
      'TensorArray scatter, gather, read',
      values,
      [
        made('four', { clear_after_read: false }),
        node('TensorArrayScatterV3', 'scatter', ['array', 'order', 'x', `array${flow}`], { T }),
        node('TensorArrayGatherV3', 'gather', ['array', 'order', 'scatter'], { dtype }),
        node('TensorArrayReadV3', 'read', ['array', 'one', 'scatter'], { dtype }),
        node('TensorArraySizeV3', 'size', ['array', 'scatter']),
      ],
      ['gather', 'read', 'size'],
    ),
    graph(
      'TensorArray write, close',
      { ...values, row: f32(1, 2) },
      [
        made('two', { element_shape: shapeAttr([2]) }),
        node('TensorArrayWriteV3', 'write', ['array', 'one', 'row', `array${flow}`], { T }),
        node('TensorArrayReadV3', 'read', ['array', 'one', 'write'], { dtype }),
        node('TensorArrayCloseV3', 'close', ['array', '^read']),
        node('Identity', 'y', ['read', '^close'], { T }),
      ],
      ['y'],
    ),
    graph(
      'TensorArray split, concat',
      { ...values, lengths: i64(3, 1) },
      [
        made('two'),
        node('TensorArraySplitV3', 'split', ['array', 'x', 'lengths', `array${flow}`], { T }),
        node('TensorArrayConcatV3', 'concat', ['array', 'split'], { dtype }),
      ],
      ['concat', 'concat:1'],
    ),
  ];
}
