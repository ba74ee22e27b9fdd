import { numbersOf } from '../../base/tensor.ts';
import { convGeometry, readWindows } from '../../graph/shapes/geometry.ts';
import { realDeconvPhases } from '../../kernels/conv/native/deconv.ts';
import { overhang } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { realConvKernels } from '../kernels.ts';
import { allOf, chosen, noHalo, type Val, widerHalo } from '../layer.ts';
import { addKernel, decline, float32At, type Lower, tensorAt, valueAt } from './lowering.ts';

/** Conv2DBackpropInput by a constant filter to a constant size: convolutions of stride 1, one for each phase of the stride. */
const lowerDeconv: Lower = (context) => {
  const { node } = context;
  const shape = numbersOf(tensorAt(context, 0));
  const filter = float32At(context, 1);
  const input = valueAt(context, 2);
  const windows = readWindows(node);
  if (windows.layout !== 'NHWC' || input.dtype !== 'float32' || shape.length !== 4)
    return decline('channels come first');
  const { h, w, groups, batch, outChannels } = convGeometry(shape, filter.shape, windows);
  const [n, rows, columns, channels] = input.shape;
  const fits = n === batch && rows === h.output && columns === w.output && channels === outChannels;
  if (!fits || groups !== 1 || h.dilation !== 1 || w.dilation !== 1) decline('its windows have no native form');
  const phases = (from: Buffer, to: Buffer) =>
    realDeconvPhases({
      ...{ input: from, output: to, weights: filter.data },
      kernel: { h: h.kernel, w: w.kernel },
      stride: { h: h.stride, w: w.stride },
      before: { top: h.before, left: w.before },
    });
  const halo = phases(hollow(input), hollow({ ...input, shape }))
    .map(overhang)
    .reduce(widerHalo, noHalo);
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape,
    halos: [halo],
    choose: ({ inputs: [from], output: to, isa }) =>
      allOf(phases(from!, to).map((phase) => chosen(realConvKernels, isa, phase))),
  });
  return [output];
};

/** A picture that lies nowhere, for what depends on its shape only. */
function hollow({ shape }: Val): Buffer {
  const [n, h, w, c] = shape as readonly [number, number, number, number];
  return { type: 'f32', offset: 0, shape: { n, h, w, c }, stride: { n: 0, h: 0, w: 0 }, halo: noHalo };
}

/** The ops whose lowering is here. */
export const deconvLowerings: Readonly<Record<string, Lower>> = { Conv2DBackpropInput: lowerDeconv };
