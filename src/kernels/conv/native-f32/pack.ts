import { type Layout, type Panel, scalars, vectorsOf } from '../native/layout.ts';
import type { Target } from '../native/target.ts';
import { stepBytes } from '../native/target.ts';
import type { RealConvSpec } from './spec.ts';

/** The constants as the code reads them: each panel's scalars and bias, then weights [segment][channel][vector][element]. */
export function packRealConv(spec: RealConvSpec, target: Target, layout: Layout): Uint8Array {
  const packed = new Uint8Array(layout.panels.length * layout.panelBytes);
  layout.panels.forEach((panel, i) => {
    const base = i * layout.panelBytes;
    const view = new DataView(packed.buffer, base, layout.header.bytes);
    view.setInt32(scalars.inOffset, panel.firstIn, true);
    view.setInt32(scalars.outOffset, 4 * panel.firstOut, true);
    view.setInt32(scalars.kind, layout.widths.indexOf(panel.width), true);
    view.setFloat32(scalars.lowReal, spec.low ?? Number.NEGATIVE_INFINITY, true);
    view.setFloat32(scalars.highReal, spec.high ?? Number.POSITIVE_INFINITY, true);
    const floats = new Float32Array(packed.buffer, base, layout.panelBytes / 4);
    if (spec.bias !== undefined)
      floats.set(spec.bias.subarray(panel.firstOut, panel.firstOut + panel.width), layout.header.bias / 4);
    packWeights(spec, target, layout, panel, floats.subarray(layout.header.bytes / 4));
  });
  return packed;
}

function packWeights(spec: RealConvSpec, target: Target, layout: Layout, panel: Panel, to: Float32Array): void {
  const { kernel, groups, input, output, weights } = spec;
  const { rows, taps, steps } = layout.segments;
  const perGroupIn = input.shape.c / groups;
  const perGroupOut = output.shape.c / groups;
  const perStep = (vectorsOf(panel.width, target) * stepBytes(target)) / 4;
  const blockIn = layout.blockIn / 4;
  const isMerged = layout.merged > 1;
  for (let segment = 0; segment < rows * taps; segment++)
    for (let k = 0; k < steps; k++) {
      const tap = taps === 1 ? segment * kernel.w + Math.floor(k / blockIn) : segment;
      const channel = k % blockIn;
      const group = Math.floor(channel / perGroupIn);
      // In a block of merged groups only the columns of the channel's own group have weights.
      const first = isMerged ? group * perGroupOut : 0;
      const last = isMerged ? Math.min(panel.width, first + perGroupOut) : panel.width;
      const from = (tap * perGroupIn + (channel - group * perGroupIn)) * output.shape.c + panel.firstOut;
      const at = (segment * steps + k) * perStep;
      for (let column = first; column < last; column++) to[at + column] = weights[from + column]!;
    }
}
