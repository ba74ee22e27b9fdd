import { describe, expect, it } from 'vitest';
import { numbersOf, scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { type AttrInputs, attrs, shapeAttr, type } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { reference } from '../../src/kernels/reference.ts';

function run(op: OpName, inputs: readonly Tensor[], given: AttrInputs = {}): readonly Tensor[] {
  const kernel = reference[op];
  if (typeof kernel !== 'function') throw new Error(`no kernel for ${op}`);
  const node = { name: 'n', op, inputs: [], controls: [], attrs: attrs(given) };
  return kernel(inputs, node, { session: new Map(), run: new Map(), assets: new Map() });
}
const i = (n: number) => scalar('int32', n);
const flow = scalar('float32', 0);
const dtype = type('float32');
const matrix = tensorOf('float32', [1, 2, 3, 4, 5, 6], [3, 2]);

describe('TensorArray', () => {
  const make = (size: number, given: AttrInputs = {}) => run('TensorArrayV3', [i(size)], { dtype, ...given })[0]!;
  const write = (array: Tensor, at: number, t: Tensor) => run('TensorArrayWriteV3', [array, i(at), t, flow]);
  const read = (array: Tensor, at: number) => run('TensorArrayReadV3', [array, i(at), flow], { dtype })[0]!;

  it('scatters, gathers, splits and puts together', () => {
    const array = make(3);
    run('TensorArrayScatterV3', [array, tensorOf('int32', [2, 0, 1]), matrix, flow]);
    const [gathered] = run('TensorArrayGatherV3', [array, tensorOf('int32', [0, 1, 2]), flow], { dtype });
    expect(gathered).toEqual(tensorOf('float32', [3, 4, 5, 6, 1, 2], [3, 2]));
    const parts = make(2);
    run('TensorArraySplitV3', [parts, matrix, tensorOf('int64', [1, 2]), flow]);
    const [whole, lengths] = run('TensorArrayConcatV3', [parts, flow], { dtype });
    expect(whole).toEqual(matrix);
    expect(numbersOf(lengths!)).toEqual([1, 2]);
  });

  it('refuses what TensorFlow refuses', () => {
    const array = make(1);
    expect(() => write(array, 1, flow)).toThrow('index 1 is outside of a TensorArray of 1 elements');
    write(array, 0, flow);
    expect(() => write(array, 0, flow)).toThrow('written twice');
    expect(() => write(array, 0, i(1))).toThrow('writes int32 into a TensorArray of float32');
    read(array, 0);
    expect(() => read(array, 0)).toThrow('read twice');
    expect(() => read(make(1), 0)).toThrow('is not known');
    expect(() => run('TensorArraySizeV3', [flow, flow])).toThrow('not that of a TensorArray');
  });

  it('grows where it may, keeps what it is told to keep, and reads zeros of a known shape', () => {
    const array = make(0, { dynamic_size: true, clear_after_read: false, element_shape: shapeAttr([2]) });
    write(array, 2, tensorOf('float32', [8, 9]));
    expect(numbersOf(run('TensorArraySizeV3', [array, flow])[0]!)).toEqual([3]);
    expect(numbersOf(read(array, 2))).toEqual([8, 9]);
    expect(numbersOf(read(array, 2))).toEqual([8, 9]);
    expect(numbersOf(read(array, 0))).toEqual([0, 0]);
  });
});

describe('TensorList', () => {
  const element_dtype = dtype;
  const anyShape = i(-1);
  const stack = (list: Tensor, shape: Tensor = anyShape) =>
    run('TensorListStack', [list, shape], { element_dtype })[0]!;

  it('is a value: setting an item leaves the old list as it was', () => {
    const [empty] = run('TensorListReserve', [tensorOf('int32', [2]), i(2)], { element_dtype });
    const [set] = run('TensorListSetItem', [empty!, i(1), tensorOf('float32', [3, 4])], { element_dtype });
    expect(numbersOf(stack(empty!))).toEqual([0, 0, 0, 0]);
    expect(stack(set!)).toEqual(tensorOf('float32', [0, 0, 3, 4], [2, 2]));
  });

  it('pushes, pops, gathers, scatters, resizes and splits', () => {
    const [list] = run('TensorListFromTensor', [matrix, tensorOf('int32', [2])], { element_dtype });
    const [longer] = run('TensorListPushBack', [list!, tensorOf('float32', [7, 8])], { element_dtype });
    const [shorter, last] = run('TensorListPopBack', [longer!, anyShape], { element_dtype });
    expect(numbersOf(last!)).toEqual([7, 8]);
    expect(stack(shorter!)).toEqual(matrix);
    const [picked] = run('TensorListGather', [list!, tensorOf('int32', [2, 0]), anyShape], { element_dtype });
    expect(picked).toEqual(tensorOf('float32', [5, 6, 1, 2], [2, 2]));
    const [scattered] = run('TensorListScatterV2', [matrix, tensorOf('int32', [2, 0, 1]), anyShape, i(3)], {
      element_dtype,
    });
    expect(numbersOf(stack(scattered!))).toEqual([3, 4, 5, 6, 1, 2]);
    const [resized] = run('TensorListResize', [list!, i(4)]);
    expect(numbersOf(stack(resized!))).toEqual([1, 2, 3, 4, 5, 6, 0, 0]);
    const [split] = run('TensorListSplit', [matrix, tensorOf('int32', [-1, 2]), tensorOf('int64', [2, 1])], {
      element_dtype,
    });
    const [whole, lengths] = run('TensorListConcatV2', [split!, tensorOf('int32', [-1, 2]), tensorOf('int64', [])], {
      element_dtype,
    });
    expect(whole).toEqual(matrix);
    expect(numbersOf(lengths!)).toEqual([2, 1]);
  });

  it('refuses indices and sizes that a hostile file may hold', () => {
    expect(() => run('TensorListReserve', [anyShape, i(2 ** 31 - 1)], { element_dtype })).toThrow("can't make a list");
    const [list] = run('TensorListReserve', [anyShape, i(2)], { element_dtype });
    expect(() => run('TensorListGetItem', [list!, i(2), anyShape], { element_dtype })).toThrow('outside of a list');
    expect(() => stack(list!)).toThrow('is not known');
    expect(() => run('TensorListLength', [run('OptionalNone', [])[0]!])).toThrow('another variant');
  });
});

describe('assertions', () => {
  it('say what the graph says', () => {
    const no = { dtype: 'bool', shape: [], data: Uint8Array.of(0) } as const;
    expect(() => run('Assert', [no, tensorOf('int32', [1, 2, 3, 4, 5, 6, 7])])).toThrow(
      'assertion failed: [[1 2 3 ... 5 6 7]] — the model refuses this input',
    );
  });
});
