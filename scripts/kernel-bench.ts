import { convKernels } from '../src/kernels/conv/native/index.ts';
import type { ConvSpec } from '../src/kernels/conv/native/spec.ts';
import { depthwiseKernels } from '../src/kernels/depthwise/native/index.ts';
import type { Buffer, ElementType, Isa, NativeKernel } from '../src/kernels/native-kernel.ts';
import { openHost } from '../src/runtime/native/host/host.ts';
import { placed, runnable } from '../test/support/run-step.ts';
import { type Layer, layers } from './kernel-bench/layers.ts';
import { dotLimit } from './kernel-bench/limit.ts';

/**
 * GMAC/s of the int8 kernels on layers of ResNet-50, Inception-v3 and MobileNet, on one core, beside the limit of the dot
 * product instruction that the same run measures between them:
 *
 *   taskset -c 0 npx tsx scripts/kernel-bench.ts [--isa avx512_vnni] [--signed] [PATTERN]
 */
const options = process.argv.slice(2);
const isaAt = options.indexOf('--isa');
const [isa] = isaAt < 0 ? ['avx512_vnni'] : options.splice(isaAt, 2).slice(1);
const signedAt = options.indexOf('--signed');
const inputType: ElementType = signedAt < 0 ? 'u8' : 's8';
if (signedAt >= 0) options.splice(signedAt, 1);
const pattern = new RegExp(options[0] ?? '');

const host = await openHost();
if ('unavailable' in host) throw new Error(host.unavailable);

/**
 * Seconds of one call: of many short samples the one that a tenth are faster than. Short, because on a machine that others
 * use too a longer one would nearly always be interrupted; a tenth, because the fastest may be luck.
 */
function time(call: () => void): number {
  for (let i = 0; i < 3; i++) call();
  const samples: number[] = [];
  const end = performance.now() + 150;
  while (samples.length < 30 || (performance.now() < end && samples.length < 2000)) {
    const begin = performance.now();
    call();
    samples.push((performance.now() - begin) / 1000);
  }
  return samples.sort((x, y) => x - y)[Math.floor(samples.length / 10)]!;
}

function buffer(type: ElementType, offset: number, shape: Buffer['shape'], margin: number): Buffer {
  const w = shape.c;
  const h = w * (shape.w + 2 * margin);
  const halo = { top: margin, bottom: margin, left: margin, right: margin };
  return { type, offset: offset + margin * (h + w), shape, stride: { n: h * (shape.h + 2 * margin), h, w }, halo };
}

const total = ({ stride, shape }: Buffer): number => (stride.n * shape.n + 127) & ~63;

function specOf(layer: Layer): { readonly spec: ConvSpec; readonly bytes: number } {
  const { size, channels, outputs, kernel, stride, groups = 1 } = layer;
  const before = (axis: 0 | 1): number => Math.floor((kernel[axis] - 1) / 2);
  const margin = layer.valid ? 0 : Math.max(before(0), before(1));
  const out = layer.valid ? Math.floor((size - kernel[0]) / stride) + 1 : Math.ceil(size / stride);
  const input = buffer(inputType, 64, { n: 1, h: size, w: size, c: channels }, margin);
  const at = 64 + total(input);
  const shape = { n: 1, h: out, w: out, c: outputs };
  const output = buffer('u8', at, shape, 0);
  const summand = layer.summand ? buffer('u8', at + total(output), shape, 0) : undefined;
  const multipliers = new Float32Array(outputs).fill(1e-4);
  const spec: ConvSpec = {
    input,
    output,
    kernel: { h: kernel[0], w: kernel[1] },
    stride: { h: stride, w: stride },
    dilation: { h: 1, w: 1 },
    padding: layer.valid ? { top: 0, left: 0 } : { top: before(0), left: before(1) },
    groups,
    weights: new Int8Array(kernel[0] * kernel[1] * (channels / groups) * outputs).map((_, i) => (i * 31) % 97),
    bias: new Int32Array(outputs),
    result: {
      kind: 'requantize',
      multipliers,
      low: 0,
      high: layer.cap ?? 255,
      ...(summand === undefined ? {} : { summand: { buffer: summand, multiplier: 0.5 } }),
    },
  };
  return { spec, bytes: at + 2 * total(output) + 4096 };
}

function measure(layer: Layer): { readonly seconds: number; readonly macs: number } {
  const { spec, bytes } = specOf(layer);
  const table: readonly NativeKernel<ConvSpec>[] = layer.groups === undefined ? convKernels : depthwiseKernels;
  const kernel = table.find((k) => k.isa === isa && k.whyNot(spec) === undefined);
  if (kernel === undefined) throw new Error(`no kernel of ${isa} for ${layer.name}`);
  const step = kernel.step(spec, 0);
  using arena = placed(
    host as never,
    new Uint8Array(bytes).map((_, i) => (i * 7) & 127),
  );
  using constants = placed(host as never, kernel.pack(spec));
  using run = runnable(host as never, step, kernel.isa, arena.address, constants.address);
  return { seconds: time(() => run.run()), macs: step.macs };
}

console.log(
  `${'layer'.padEnd(46)} ${'µs'.padStart(8)} ${'GMAC/s'.padStart(8)} ${'limit'.padStart(6)} ${'%'.padStart(5)}`,
);
for (const layer of layers) {
  if (!pattern.test(layer.name)) continue;
  const before = dotLimit(host, isa as Isa);
  const { seconds, macs } = measure(layer);
  const limit = Math.max(before, dotLimit(host, isa as Isa));
  const speed = macs / seconds / 1e9;
  const cells = [(seconds * 1e6).toFixed(1).padStart(8), speed.toFixed(1).padStart(8), limit.toFixed(0).padStart(6)];
  console.log(`${layer.name.padEnd(46)} ${cells.join(' ')} ${((100 * speed) / limit).toFixed(1).padStart(5)}`);
}
