import { describe, expect, it } from 'vitest';
import type { Buffer } from '../../../src/kernels/native-kernel.ts';
import { tableKernels } from '../../../src/kernels/table/native/index.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { allocator, draws } from './random-conv.ts';
import { read, resultOf, runsOn, write } from './run.ts';

const host = hasHost ? await requireHost() : undefined;
const none = { top: 0, bottom: 0, left: 0, right: 0 };

describe.skipIf(!hasHost)('tables in machine code', () => {
  describe.each(runsOn(tableKernels, host))('$name', (kernel) => {
    it('map every code, in runs of any length', () => {
      for (let seed = 1; seed <= 60; seed++) {
        const draw = draws(seed);
        const memory = allocator(draw);
        const shape: Buffer['shape'] = draw.chance(0.5)
          ? { n: 1, h: 1, w: 1, c: draw.integer(1, 70_000) }
          : { n: draw.pick(1, 2), h: draw.integer(1, 5), w: draw.integer(1, 5), c: draw.integer(1, 200) };
        const input = memory.buffer(draw.pick('u8', 's8'), shape, none, true);
        const output = memory.buffer(
          draw.pick('u8', 's8'),
          shape,
          draw.chance(0.3) ? { ...none, left: 2 } : none,
          true,
        );
        const entries = Uint8Array.from({ length: 256 }, () => draw.integer(0, 255));
        const bytes = new Uint8Array(memory.size() + 64);
        write(bytes, input, (i) => (input.type === 'u8' ? (i * 7) & 255 : ((i * 7) & 255) - 128));
        const got = read(resultOf(host!, kernel, { input, output, entries }, bytes), output);
        const signed = output.type === 's8';
        const wanted = read(bytes, input).map((code) => {
          const entry = entries[code & 255]!;
          return signed && entry > 127 ? entry - 256 : entry;
        });
        expect(got).toEqual(wanted);
      }
    });
  });
});
