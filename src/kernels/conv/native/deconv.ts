import type { Buffer } from '../../native-kernel.ts';
import type { RealConvSpec } from '../native-f32/spec.ts';
import type { ConvSpec, Result, Window } from './spec.ts';

/**
 * A transposed convolution (TensorFlow's Conv2DBackpropInput): input pixel (y, x) times tap (i, j) goes to output pixel
 * (y·stride.h − before.top + i, x·stride.w − before.left + j).
 */
export type DeconvSpec = Transposed<Int8Array> & Pick<ConvSpec, 'bias' | 'result'>;

/** The same of float32. */
export type RealDeconvSpec = Transposed<Float32Array>;

type Transposed<Weights> = Pick<ConvSpec, 'input' | 'output' | 'kernel' | 'stride'> & {
  /** Rows and columns that the forward convolution pads in front. */
  readonly before: { readonly top: number; readonly left: number };
  /** TensorFlow's filter: [kernel.h][kernel.w][output.c][input.c]. */
  readonly weights: Weights;
};

/** One axis of the pixels `first`, `first + stride` …: which taps reach them, and a convolution's padding that does the same. */
type Phase = {
  readonly first: number;
  readonly size: number;
  readonly padding: number;
  /** Taps in the order a convolution applies them; −1 for one of zeros, where no tap reaches the phase. */
  readonly taps: readonly number[];
};

function phases(size: number, kernel: number, stride: number, before: number): Phase[] {
  const found: Phase[] = [];
  for (let first = 0; first < Math.min(stride, size); first++) {
    const rest = (first + before) % stride;
    const quotient = Math.floor((first + before) / stride);
    const taps: number[] = [];
    for (let tap = rest; tap < kernel; tap += stride) taps.unshift(tap);
    if (taps.length === 0) found.push({ first, size: Math.ceil((size - first) / stride), padding: 0, taps: [-1] });
    else found.push({ first, size: Math.ceil((size - first) / stride), padding: taps.length - 1 - quotient, taps });
  }
  return found;
}

/** Every `stride`-th pixel of a buffer. */
const every = (buffer: Buffer, stride: Window, y: Phase, x: Phase): Buffer => ({
  ...buffer,
  offset: buffer.offset + y.first * buffer.stride.h + x.first * buffer.stride.w,
  shape: { ...buffer.shape, h: y.size, w: x.size },
  stride: { n: buffer.stride.n, h: stride.h * buffer.stride.h, w: stride.w * buffer.stride.w },
  halo: { top: 0, bottom: 0, left: 0, right: 0 },
});

/**
 * The convolutions of stride 1 that together are a transposed one: one for each phase of the stride, which reads the taps
 * that reach its pixels and writes only these. They may run in any order or at once. Where the stride exceeds the kernel some
 * phases multiply by zeros alone: what remains is the bias.
 */
export const deconvPhases = (spec: DeconvSpec): readonly ConvSpec[] =>
  phasesOf(spec).map(({ geometry, taps, view }) => ({
    ...geometry,
    weights: phaseWeights(spec, taps, (count) => new Int8Array(count)),
    ...(spec.bias === undefined ? {} : { bias: spec.bias }),
    result: phaseResult(spec.result, view),
  }));

/** The same of float32. */
export const realDeconvPhases = (spec: RealDeconvSpec): readonly RealConvSpec[] =>
  phasesOf(spec).map(({ geometry, taps }) => ({
    ...geometry,
    weights: phaseWeights(spec, taps, (count) => new Float32Array(count)),
  }));

type Taps = { readonly y: Phase; readonly x: Phase };

function phasesOf({ input, output, kernel, stride, before }: Transposed<unknown>) {
  const rows = phases(output.shape.h, kernel.h, stride.h, before.top);
  const columns = phases(output.shape.w, kernel.w, stride.w, before.left);
  return rows.flatMap((y) =>
    columns.map((x) => ({
      geometry: {
        input,
        output: every(output, stride, y, x),
        kernel: { h: y.taps.length, w: x.taps.length },
        stride: { h: 1, w: 1 },
        dilation: { h: 1, w: 1 },
        padding: { top: y.padding, left: x.padding },
        groups: 1,
      },
      taps: { y, x },
      view: (buffer: Buffer): Buffer => every(buffer, stride, y, x),
    })),
  );
}

/** The result with its summand, if it has one, seen as `view` says. */
function phaseResult(result: Result, view: (buffer: Buffer) => Buffer): Result {
  if (result.kind === 'requantize' && result.summand !== undefined)
    return { ...result, summand: { ...result.summand, buffer: view(result.summand.buffer) } };
  if (result.kind === 'real' && result.summand !== undefined)
    return { ...result, summand: { buffer: view(result.summand.buffer) } };
  return result;
}

/** [kh][kw][out][in] → the phase's taps as [h][w][in][out]. */
function phaseWeights<Weights extends Int8Array | Float32Array>(
  { weights, kernel, input, output }: Transposed<Weights>,
  { y, x }: Taps,
  make: (count: number) => Weights,
): Weights {
  const [inputs, outputs] = [input.shape.c, output.shape.c];
  const phase = make(y.taps.length * x.taps.length * inputs * outputs);
  let to = 0;
  for (const i of y.taps)
    for (const j of x.taps) {
      const from = (i * kernel.w + j) * outputs * inputs;
      if (i >= 0 && j >= 0)
        for (let c = 0; c < inputs; c++)
          for (let o = 0; o < outputs; o++) phase[to + c * outputs + o] = weights[from + o * inputs + c]!;
      to += inputs * outputs;
    }
  return phase;
}
