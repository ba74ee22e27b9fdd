import type { Buffer, NativeKernel, Step } from '../../../src/kernels/native-kernel.ts';
import type { Host } from '../../../src/runtime/native/host/host.ts';
import { placed, runnable } from '../../support/run-step.ts';

/** What a family's checks need: the buffer whose picture is the input and the plain loops over a specification. */
export type Family<Spec extends { readonly input: Buffer }> = {
  readonly reference: (spec: Spec, memory: DataView) => void;
  readonly fill: (seed: number, bytes: number, input: Buffer) => Uint8Array;
};

/** Space between the arena's parts, so that declared accesses decide where the guard pages are. */
const CONSTANTS = 128;

/** The bytes that a step may touch of the arena: they become an arena of exactly this size. */
function arenaRange(step: Step): { readonly begin: number; readonly end: number } {
  const touched = step.accesses.filter((access) => access.base === 'arena');
  return {
    begin: Math.min(...touched.map((access) => access.begin)),
    end: Math.max(...touched.map((access) => access.end)),
  };
}

/**
 * Runs a kernel on `spec` in an arena whose first byte follows a guard page, then in one whose last byte precedes one;
 * both are as large as what the step says it touches. The constants lie between guard pages too. Compares every byte with the
 * reference's and returns the first difference, or undefined.
 */
export function difference<Spec extends { readonly input: Buffer }>(
  host: Host,
  kernel: NativeKernel<Spec>,
  spec: Spec,
  bytes: number,
  seed: number,
  { reference, fill }: Family<Spec>,
): string | undefined {
  const constants = kernel.pack(spec);
  const step = kernel.step(spec, CONSTANTS);
  const range = arenaRange(step);
  if (range.begin < 0) return `reads from byte ${range.begin}`;
  // Bytes that the step says it reads behind the buffers exist too.
  const size = Math.max(bytes, range.end);
  const before = fill(seed, size, spec.input);
  const expected = before.slice();
  reference(spec, new DataView(expected.buffer));
  const written = step.accesses.filter((access) => access.mode === 'write' && access.base === 'arena');
  for (const place of ['start', 'end'] as const) {
    // Only what is touched is mapped: before it (or behind it) comes a guard page.
    using memory = placed(host, before.subarray(range.begin, range.end), place);
    const aligned = place === 'start' ? pad(constants, 0) : constants;
    using data = placed(host, aligned, place);
    using run = runnable(host, step, kernel.isa, memory.address - range.begin, data.address - CONSTANTS);
    run.run();
    const got = memory.view(Uint8Array);
    for (let i = range.begin; i < range.end; i++)
      if (got[i - range.begin] !== expected[i]) {
        const where = written.some(({ begin, end }) => begin <= i && i < end)
          ? ''
          : ', where it says it does not write';
        return `byte ${i} (${i - spec.input.offset} from the input's start) is ${got[i - range.begin]}, not ${expected[i]}${where} (${place})`;
      }
  }
  return undefined;
}

const pad = (bytes: Uint8Array, extra: number): Uint8Array => {
  const padded = new Uint8Array(bytes.length + extra);
  padded.set(bytes);
  return padded;
};

/** A specification in a line, for messages. */
export const describeSpec = (spec: object): string =>
  JSON.stringify(spec, (_, value: unknown) => (ArrayBuffer.isView(value) ? `[${(value as Int8Array).length}]` : value));
