import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeTensors, encodeTensors } from '../../conformance/tensor-file.ts';
import { TensorFlowError } from '../../conformance/tensorflow.ts';
import { type DType, dtypes, isPlain } from '../../src/base/dtype.ts';
import { equalTensors, stringTensor, type Tensor, tensorFromBytes, tensorOf } from '../../src/base/tensor.ts';
import { GraphDefSchema } from '../../src/formats/proto/gen/octet/tensorflow/graph_pb.ts';
import { tensorflowOrSkip } from '../support/tensorflow.ts';

const plain = (Object.keys(dtypes) as DType[]).filter(isPlain);
/** Bytes 1, 2, 3, … as a 2 × 3 tensor (bool: ones), so that every element differs. */
const sample = (dtype: DType): Tensor =>
  tensorFromBytes(
    dtype,
    [2, 3],
    Uint8Array.from({ length: 6 * dtypes[dtype].bytes }, (_, i) => (dtype === 'bool' ? 1 : i + 1)),
  );
const text = stringTensor(['', 'a\0b', new Uint8Array([255, 0, 128]), 'ü'], [2, 2]);
const same = (a: Tensor | undefined, b: Tensor) => a !== undefined && equalTensors(a, b);

const placeholder = (name: string, dtype: DType) => ({
  name,
  op: 'Placeholder',
  attr: [{ key: 'dtype', value: { value: { case: 'type' as const, value: dtypes[dtype].tf } } }],
});
const graphDef = (...node: object[]) => toBinary(GraphDefSchema, create(GraphDefSchema, { node }));

describe('the file that carries tensors', () => {
  test('gives back every type, strings, scalars and empty tensors', () => {
    const tensors = new Map<string, Tensor>(plain.map((dtype) => [dtype, sample(dtype)]));
    tensors
      .set('text', text)
      .set('scalar', tensorOf('float32', [1.5], []))
      .set('empty', tensorOf('int64', [], [0, 4]));
    const back = decodeTensors(encodeTensors(tensors));
    expect([...back.keys()]).toEqual([...tensors.keys()]);
    for (const [name, t] of tensors) expect(same(back.get(name), t), name).toBe(true);
  });
});

const tf = await tensorflowOrSkip();
afterAll(() => tf?.[Symbol.asyncDispose]());

describe.skipIf(tf === undefined)('real TensorFlow', () => {
  test.each(plain)('takes and returns %s', async (dtype) => {
    const out = await tf!.run({
      graph: graphDef(placeholder('x', dtype)),
      feeds: new Map([['x', sample(dtype)]]),
      fetches: ['x'],
    });
    expect(same(out.get('x'), sample(dtype))).toBe(true);
  });

  test('takes and returns strings and scalars', async () => {
    const scalar = tensorOf('quint8', [7], []);
    const graph = graphDef(placeholder('x', 'string'), placeholder('y', 'quint8'));
    const out = await tf!.run({
      graph,
      feeds: new Map<string, Tensor>([
        ['x', text],
        ['y:0', scalar],
      ]),
      fetches: ['x', 'y:0'],
    });
    expect(same(out.get('x'), text) && same(out.get('y:0'), scalar)).toBe(true);
  });

  test('says what is wrong with a graph', async () => {
    const result = await tf!.tryRun({ graph: graphDef({ name: 'a', op: 'NoSuchOp' }), fetches: ['a'] });
    expect(result).toMatchObject({ status: 'error', message: expect.stringContaining('NoSuchOp') });
    await expect(tf!.run({ graph: graphDef(), fetches: ['missing'] })).rejects.toThrow(TensorFlowError);
  });

  test('is started again after a crash', async () => {
    const crash = await tf!.tryRun({ graph: graphDef({ name: 'a', op: 'Abort' }), fetches: ['^a'] });
    expect(crash).toMatchObject({ status: 'crashed', message: expect.stringContaining('SIGABRT') });
    const x = sample('qint8');
    const out = await tf!.run({
      graph: graphDef(placeholder('x', 'qint8')),
      feeds: new Map([['x', x]]),
      fetches: ['x'],
    });
    expect(same(out.get('x'), x)).toBe(true);
  });
});
