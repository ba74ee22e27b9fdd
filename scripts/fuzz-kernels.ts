import { convKernels } from '../src/kernels/conv/native/index.ts';
import { depthwiseKernels } from '../src/kernels/depthwise/native/index.ts';
import { openHost } from '../src/runtime/native/host/host.ts';
import { describeSpec, difference } from '../test/kernels/native/check.ts';
import { convReference } from '../test/kernels/native/conv-reference.ts';
import { fillArena, randomConv, randomDepthwise } from '../test/kernels/native/random-conv.ts';
import { featuresFor } from '../test/support/run-step.ts';

/**
 * Random convolutions in machine code against plain loops, bit for bit and between guard pages, on every instruction set
 * that the machine has. Ends with 1 at the first difference; after a crash the last line says which thousand of seeds to try
 * again. 20,000 shapes on three instruction sets took 13 minutes beside other work, 100,000 are about an hour:
 *
 *   npx tsx scripts/fuzz-kernels.ts [--count 100000] [--seed 1] [--isa avx2]
 */
const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const count = Number(option('count') ?? 100_000);
const seed = Number(option('seed') ?? 1);
const only = option('isa');

const opened = await openHost();
if ('unavailable' in opened) throw new Error(opened.unavailable);
const host = opened;

const usable = (isa: Parameters<typeof featuresFor>[0]): boolean =>
  featuresFor(isa, host) !== undefined && (only === undefined || only === isa);
const families = [
  { name: 'conv', random: randomConv, kernels: convKernels.filter((kernel) => usable(kernel.isa)) },
  { name: 'depthwise', random: randomDepthwise, kernels: depthwiseKernels.filter((kernel) => usable(kernel.isa)) },
] as const;

let last: { readonly spec: object; readonly expected: Uint8Array } | undefined;

/** All kernels of a shape get the same bytes, and so have the same result; the plain loops are what takes time. */
function computedOnce(spec: Parameters<typeof convReference>[0], memory: DataView): void {
  const bytes = new Uint8Array(memory.buffer);
  if (last?.spec === spec && last.expected.length === bytes.length) bytes.set(last.expected);
  else {
    convReference(spec, memory);
    last = { spec, expected: bytes.slice() };
  }
}

const started = performance.now();
const runs = new Map<string, number>();
for (let i = 0; i < count; i++) {
  const family = families[i % 3 === 2 ? 1 : 0]!;
  const { spec, bytes } = family.random(seed + i);
  for (const kernel of family.kernels) {
    if (kernel.whyNot(spec) !== undefined) continue;
    const found = difference(host, kernel, spec, bytes, seed + i, { reference: computedOnce, fill: fillArena });
    if (found !== undefined) {
      console.error(`seed ${seed + i}, ${kernel.name}: ${found}\n${describeSpec(spec)}`);
      process.exit(1);
    }
    runs.set(kernel.name, (runs.get(kernel.name) ?? 0) + 1);
  }
  if (i % 1000 === 999) console.log(`${i + 1} shapes, ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
for (const [name, times] of runs) console.log(`${name}: ${times} runs without a difference`);
