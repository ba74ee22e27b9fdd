import { rng } from '../../src/base/rng.ts';
import { tensor } from '../../src/base/tensor.ts';
import { ints, type } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { requantize } from '../../src/kernels/requantize/contract.ts';
import { codeOfReal, realOf, realScales } from '../../src/kernels/requantize/rounding.ts';
import type { OpCase } from '../graph-case.ts';
import { f32s } from '../ops/values.ts';

/** A form whose codes TensorFlow rounds in one way throughout. */
export type Rounding = {
  readonly op: OpName;
  readonly input: 'quint8' | 'qint8';
  readonly output: 'quint8' | 'qint8';
  readonly isDepthwise: boolean;
};

export const roundings: readonly Rounding[] = [
  { op: 'QuantizedConv2DWithBiasAndReluAndRequantize', input: 'quint8', output: 'quint8', isDepthwise: false },
  { op: 'QuantizedConv2DWithBiasAndReluAndRequantize', input: 'qint8', output: 'quint8', isDepthwise: false },
  { op: 'QuantizedConv2DWithBiasAndRequantize', input: 'quint8', output: 'qint8', isDepthwise: false },
  { op: 'QuantizedConv2DWithBiasAndRequantize', input: 'qint8', output: 'qint8', isDepthwise: false },
  { op: 'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize', input: 'quint8', output: 'quint8', isDepthwise: true },
];

const [pixels, depth, channels] = [20_000, 16, 64];
const f32 = Math.fround;

/** The op on random codes, its exact sums, and the codes that TensorFlow and the arithmetic contract make of them. */
export type RoundingCase = { readonly form: OpCase; readonly theirs: Int32Array; readonly contract: Int32Array };

export function roundingCase({ op, input, output, isDepthwise }: Rounding, seed: number): RoundingCase {
  const random = rng(seed);
  const inner = isDepthwise ? channels : depth;
  const [low, high] = input === 'quint8' ? [0, 255] : [-127, 127];
  const draw = <A extends Int8Array | Uint8Array | Int32Array>(into: A, from: number, to: number): A => {
    for (let i = 0; i < into.length; i++) into[i] = random.int(from, to);
    return into;
  };
  const x = draw(input === 'quint8' ? new Uint8Array(pixels * inner) : new Int8Array(pixels * inner), low, high);
  const w = draw(new Int8Array(isDepthwise ? channels : depth * channels), -127, 127);
  const bias = draw(new Int32Array(channels), -20_000, 20_000);
  const maxInput = f32(0.5 + 8 * random.uniform());
  const maxWeights = Float32Array.from({ length: channels }, () => 0.05 + 2 * random.uniform());
  const maxOutput = f32(maxInput * (1 + random.uniform()));
  const sums = new Int32Array(pixels * channels);
  for (let p = 0; p < pixels; p++)
    for (let c = 0; c < channels; c++) {
      let sum = isDepthwise ? x[p * inner + c]! * w[c]! : 0;
      if (!isDepthwise) for (let k = 0; k < depth; k++) sum += x[p * depth + k]! * w[k * channels + c]!;
      sums[p * channels + c] = sum;
    }
  const steps = { input: high, weights: 127, output: output === 'quint8' ? 255 : 127 };
  const real = realScales(
    { dtype: input, scale: maxInput / steps.input },
    [...maxWeights].map((limit) => limit / steps.weights),
    maxOutput / steps.output,
    { values: bias, isReal: false },
  );
  const [least, most] = output === 'quint8' ? [0, 255] : [-128, 127];
  const side = (of: Float32Array, sign: number) =>
    tensor(
      'float32',
      [channels],
      of.map((value) => sign * value),
    );
  const signed = (dtype: string, value: number) => f32s(dtype === 'quint8' ? 0 : -value);
  return {
    form: {
      name: `${input} to ${output}`,
      op,
      inputs: [
        tensor(input, [1, 1, pixels, inner], x as never),
        tensor('qint8', isDepthwise ? [1, 1, channels, 1] : [1, 1, depth, channels], w),
        tensor('qint32', [channels], bias),
        signed(input, maxInput),
        f32s(maxInput),
        side(maxWeights, -1),
        side(maxWeights, 1),
        signed(output, maxOutput),
        f32s(maxOutput),
      ],
      attrs: { strides: ints([1, 1, 1, 1]), padding: 'VALID', out_type: type(output), Tbias: type('qint32') },
      constants: [1, 2],
    },
    theirs: sums.map((sum, i) => {
      const c = i % channels;
      return codeOfReal(realOf(sum, real.sums[c]!, real.biases[c]!), real.back, least, most);
    }),
    contract: sums.map((sum, i) => {
      const c = i % channels;
      const step = (maxInput / steps.input) * (maxWeights[c]! / steps.weights);
      return requantize(sum + bias[c]!, f32(step / (maxOutput / steps.output)), least, most);
    }),
  };
}
