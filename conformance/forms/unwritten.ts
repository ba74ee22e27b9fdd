import type { DType } from '../../src/base/dtype.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { type AttrInputs, ints, strings, type, types } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import type { OpCase } from '../graph-case.ts';
import { codes, f32s, i32, i32s, normal } from '../ops/values.ts';

/** What TensorFlow 2.21 does with a form that octet does not write. A change of that is a failure: the table is out of date. */
export type Expected = 'equal' | 'one step' | 'differs' | 'refused' | 'crashes';
export type UnwrittenForm = { readonly form: OpCase; readonly expected: Expected; readonly why: string };

const size = 9;
const [cin, cout] = [8, 12];
const limit = f32s(2.5);
const wide = f32s(30);
const weightLimit = normal([cout], 0.1);
const [wLow, wHigh] = [-1, 1].map(
  (sign): Tensor => ({
    dtype: 'float32',
    shape: [cout],
    data: Float32Array.from(weightLimit.data as Float32Array, (x) => sign * (Math.abs(x) + 0.5)),
  }),
);
const x = (T: 'quint8' | 'qint8') => codes(T, [2, size, size, cin]);
const low = (T: 'quint8' | 'qint8', most = -2.5) => f32s(T === 'quint8' ? 0 : most);
const base = (T: 'quint8' | 'qint8', filter = codes('qint8', [3, 3, cin, cout])) => [x(T), filter] as const;
const geometry = { strides: ints([1, 1, 1, 1]), padding: 'SAME' };
const bias = codes('qint32', [cout]);
const summand = (T: 'quint8' | 'qint8') => codes(T, [2, size, size, cout]);

const form = (
  op: OpName,
  name: string,
  inputs: readonly Tensor[],
  attrs: AttrInputs,
  places: Partial<OpCase> = { constants: [1, 2] },
): OpCase => ({ op, name, inputs, attrs, ...places });

const conv = (
  name: string,
  T: 'quint8' | 'qint8',
  given: AttrInputs,
  tail: readonly Tensor[],
  op: OpName = 'QuantizedConv2DWithBiasAndReluAndRequantize',
  places?: Partial<OpCase>,
): OpCase =>
  form(
    op,
    name,
    [
      ...base(T),
      given.Tbias === undefined ? bias : normal([cout]),
      low(T),
      limit,
      wLow!,
      wHigh!,
      f32s(0),
      wide,
      ...tail,
    ],
    { ...geometry, out_type: type('quint8'), ...given },
    places,
  );

const fused = (name: string, ops: readonly string[], withSum: boolean): OpCase => {
  const sums = withSum ? [summand('quint8')] : [];
  const hosts = [f32s(0), limit, wLow!, wHigh!, ...(withSum ? [f32s(0), f32s(9)] : []), f32s(0), wide];
  const devices: DType[] = ['quint8', 'qint8', 'qint32', ...(withSum ? (['quint8'] as const) : [])];
  return form(
    '_FusedQuantizedConv2D',
    name,
    [...base('quint8'), bias, ...sums, ...hosts],
    {
      ...geometry,
      Tdevice_inputs: types(devices),
      Thost_inputs: types(hosts.map(() => 'float32' as const)),
      Tdevice_outputs: types(['quint8']),
      Thost_outputs: types(['float32', 'float32']),
      Tinput: type('quint8'),
      Tfilter: type('qint8'),
      Tbias: type('qint32'),
      Tsummand: type('quint8'),
      out_type: type('quint8'),
      fused_ops: strings([...ops]),
    },
    { constants: [1, 2], computed: withSum ? [3] : [] },
  );
};

const plane = codes('quint8', [2, 5, 5, 6]);
const vector = codes('quint8', [40]);
const product = (
  op: OpName,
  name: string,
  minA: number,
  b: Tensor,
  Toutput: 'qint32' | 'quint8',
  more: readonly Tensor[],
  mode = 'SCALED',
): OpCase =>
  form(
    op,
    name,
    [codes('quint8', [16, 33]), codes('qint8', [33, 9]), b, f32s(minA), f32s(2.7), f32s(-1.1), f32s(1.1), ...more],
    { Toutput: type(Toutput), input_quant_mode: mode },
  );

export function unwrittenForms(): readonly UnwrittenForm[] {
  return [
    {
      form: conv(
        'summand is a constant',
        'quint8',
        {},
        [summand('quint8'), f32s(0), f32s(9)],
        'QuantizedConv2DWithBiasSumAndReluAndRequantize',
        { constants: [1, 2, 9] },
      ),
      expected: 'crashes',
      why: 'the sum is made in place; octet folds a residual only where the summand is computed',
    },
    {
      form: conv('float bias', 'quint8', { Tbias: type('float32') }, [], undefined),
      expected: 'equal',
      why: 'the bias is written as qint32, whose bytes follow the arithmetic contract',
    },
    {
      form: fused('BiasAdd, Relu, Requantize', ['BiasAdd', 'Relu', 'Requantize'], false),
      expected: 'equal',
      why: 'the older op says the same, and older TensorFlows know it',
    },
    {
      form: fused('BiasAdd, Sum, Relu, Requantize', ['BiasAdd', 'Sum', 'Relu', 'Requantize'], true),
      expected: 'equal',
      why: 'the older op says the same, and older TensorFlows know it',
    },
    {
      form: fused('BiasAdd, Sum, Requantize', ['BiasAdd', 'Sum', 'Requantize'], true),
      expected: 'refused',
      why: 'a residual without relu is Dequantize, AddV2, QuantizeV2 in the file',
    },
    {
      form: form(
        'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize',
        'qint8 input',
        [
          codes('qint8', [2, size, size, cout]),
          codes('qint8', [3, 3, cout, 1]),
          bias,
          f32s(-2.5),
          limit,
          wLow!,
          wHigh!,
          f32s(0),
          wide,
        ],
        { ...geometry, out_type: type('quint8') },
      ),
      expected: 'refused',
      why: 'a depthwise convolution of signed values stays in fp32',
    },
    {
      form: form(
        'QuantizedConv2D',
        'qint8 input',
        [...base('qint8'), f32s(-2.5), limit, f32s(-1), f32s(1)],
        { ...geometry, out_type: type('qint32') },
        { constants: [1] },
      ),
      expected: 'refused',
      why: 'written with a bias, which TensorFlow has for both',
    },
    {
      form: form(
        'QuantizedConv2D',
        'without bias',
        [...base('quint8'), f32s(0), limit, f32s(-1), f32s(1)],
        { ...geometry, out_type: type('qint32') },
        { constants: [1] },
      ),
      expected: 'equal',
      why: 'a bias of zeros says the same, per channel too',
    },
    {
      form: product('QuantizedMatMulWithBiasAndRequantize', 'quint8 out', 0, codes('qint32', [9]), 'quint8', [
        f32s(-9),
        f32s(9),
      ]),
      expected: 'equal',
      why: 'quint8 only: negative results are lost',
    },
    {
      form: product(
        'QuantizedMatMulWithBias',
        'float bias, input below zero',
        -1.3,
        normal([9]),
        'qint32',
        [],
        'MIN_FIRST',
      ),
      expected: 'differs',
      why: "TensorFlow's compensation for the minimum gives values of no meaning; with a qint32 bias octet adds it itself",
    },
    {
      form: form(
        'QuantizedMatMul',
        'quint8 weights',
        [codes('quint8', [16, 33]), codes('quint8', [33, 9]), f32s(-1.3), f32s(2.7), f32s(-0.9), f32s(1.1)],
        { Toutput: type('qint32') },
        {},
      ),
      expected: 'equal',
      why: 'weights are qint8',
    },
    {
      form: form(
        'QuantizedConcatV2',
        'unequal ranges',
        [plane, codes('quint8', [2, 5, 5, 6]), i32s(3), f32s(0), f32s(0), f32s(6), f32s(3)],
        { N: { int: 2 } },
        { constants: [2] },
      ),
      expected: 'equal',
      why: 'about one code in eight is not rounded to nearest: inputs get one range first',
    },
    {
      form: form('QuantizedRelu', 'quint8', [vector, f32s(-1.3), f32s(2.7)], { out_type: type('quint8') }, {}),
      expected: 'equal',
      why: 'relu is in the convolution before it',
    },
    {
      form: form('QuantizedRelu6', 'quint8', [vector, f32s(-1.3), f32s(9)], { out_type: type('quint8') }, {}),
      expected: 'equal',
      why: 'relu is in the convolution before it',
    },
    {
      form: form('QuantizedReshape', 'quint8', [vector, i32(5, 8), f32s(0), f32s(2.7)], {}, {}),
      expected: 'equal',
      why: 'quint8 only; Reshape itself takes both',
    },
    {
      form: form(
        'QuantizedMul',
        'quint8',
        [vector, codes('quint8', [40]), f32s(-1.3), f32s(2.7), f32s(0), f32s(1)],
        { Toutput: type('qint32') },
        {},
      ),
      expected: 'equal',
      why: 'nothing in the pipeline multiplies two activations in int8',
    },
    {
      form: form(
        'QuantizedAdd',
        'quint8',
        [vector, codes('quint8', [40]), f32s(-1.3), f32s(2.7), f32s(0), f32s(1)],
        { Toutput: type('qint32') },
        {},
      ),
      expected: 'equal',
      why: 'it rounds zero points: sums are in fp32 in the file',
    },
    {
      form: form(
        'QuantizedBiasAdd',
        'quint8',
        [plane, codes('quint8', [6]), f32s(-2), f32s(6), f32s(-1), f32s(3)],
        { out_type: type('qint32') },
        {},
      ),
      expected: 'equal',
      why: 'its sums are not those of the ranges it is given; biases are in the convolutions',
    },
    {
      form: form('QuantizedResizeBilinear', 'quint8', [plane, i32(8, 11), f32s(0), f32s(6)], {}, {}),
      expected: 'equal',
      why: 'up to 2.3 steps from the real interpolation',
    },
    {
      form: form('QuantizedInstanceNorm', 'quint8', [plane, f32s(0), f32s(6)], {}, {}),
      expected: 'equal',
      why: 'its result is not the normalization it is named after',
    },
  ];
}
