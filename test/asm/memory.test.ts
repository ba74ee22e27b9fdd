import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Assembler,
  assembler,
  bcast32,
  bcast64,
  k,
  offset,
  ptr,
  r64,
  rax,
  rbp,
  rsp,
  xmm,
  ymm,
  zmm,
} from '../../src/asm/x64/index.ts';

const emitted = (write: (asm: Assembler) => void): number[] => {
  const asm = assembler();
  write(asm);
  return [...asm.finish()];
};

/** What the bytes after the opcode say the address is: an independent reading of ModRM, SIB and displacement. */
function decode(bytes: readonly number[], at: number, rex: { x: number; b: number }, n: number) {
  const modrm = bytes[at]!;
  const mod = modrm >> 6;
  const low = modrm & 7;
  const sib = low === 4 ? bytes[at + 1]! : undefined;
  const from = at + (sib === undefined ? 1 : 2);
  const baseBits = sib === undefined ? low : sib & 7;
  const noBase = mod === 0 && baseBits === 5;
  const size = mod === 1 ? 1 : mod === 2 || noBase ? 4 : 0;
  const view = new DataView(new Uint8Array(bytes).buffer);
  const disp = size === 0 ? 0 : size === 1 ? view.getInt8(from) * n : view.getInt32(from, true);
  const index = sib === undefined ? 4 : ((sib >> 3) & 7) | (rex.x << 3);
  return {
    base: noBase ? null : baseBits | (rex.b << 3),
    index: index === 4 ? null : index,
    scale: sib === undefined || index === 4 ? 1 : 1 << (sib >> 6),
    disp,
    length: from + size,
    size,
  };
}

const address = fc.record({
  base: fc.option(fc.integer({ min: 0, max: 15 })),
  index: fc.option(fc.integer({ min: 0, max: 15 }).filter((i) => i !== 4)),
  scale: fc.constantFrom(1, 2, 4, 8),
  disp: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -9000, max: 9000 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  ),
});

describe('memory operands', () => {
  const cases = [
    { name: 'zmm', n: 64, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vmovdqu32(zmm(1), m) },
    { name: 'xmm17', n: 16, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vmovdqu32(xmm(17), m) },
    { name: 'b32', n: 4, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vpaddd(zmm(1), zmm(2), bcast32(m)) },
    { name: 'b64', n: 8, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vpaddq(ymm(1), ymm(2), bcast64(m)) },
    { name: 'm32 of 512', n: 4, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vpbroadcastd(zmm(1), m) },
    { name: 'half', n: 32, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vpmovzxbw(zmm(1), m) },
    { name: 'quarter', n: 16, write: (asm: Assembler, m: ReturnType<typeof ptr>) => asm.vpmovusdb(m, zmm(1)) },
  ];
  for (const { name, n, write } of cases) {
    it(`EVEX ${name}: every base, index, scale and displacement decodes to itself, in as few bytes as disp8*${n} allows`, () => {
      fc.assert(
        fc.property(address, ({ base, index, scale, disp }) => {
          const place = index === null ? { disp } : { index: r64(index), scale: scale as 1, disp };
          const bytes = emitted((asm) => write(asm, ptr(base === null ? null : r64(base), place)));
          const rex = { x: ((bytes[1]! >> 6) & 1) ^ 1, b: ((bytes[1]! >> 5) & 1) ^ 1 };
          const found = decode(bytes, 5, rex, n);
          expect({ base: found.base, index: found.index, disp: found.disp }).toEqual({ base, index, disp });
          if (index !== null) expect(found.scale).toBe(scale);
          expect(found.length).toBe(bytes.length);
          const zero = disp === 0 && base !== null && base % 8 !== 5;
          const short = base !== null && disp % n === 0 && disp / n >= -128 && disp / n < 128;
          expect(found.size).toBe(zero ? 0 : short ? 1 : 4);
        }),
      );
    });
  }

  it('compresses displacements exactly up to the edge', () => {
    const size = (disp: number): number => emitted((asm) => asm.vmovdqu8(zmm(0), ptr(rax, disp))).length;
    expect([0, 64, 127 * 64, -128 * 64].map(size)).toEqual([6, 7, 7, 7]);
    expect([1, 63, 128 * 64, -129 * 64, 127 * 64 + 1].map(size)).toEqual([10, 10, 10, 10, 10]);
    const wide = (disp: number): number => emitted((asm) => asm.vmovups(ymm(0), ptr(rax, disp))).length;
    expect([0, 127, -128, 128, -129].map(wide)).toEqual([4, 5, 5, 8, 8]);
  });

  it('legacy and VEX: every base, index, scale and displacement decodes to itself', () => {
    fc.assert(
      fc.property(address, ({ base, index, scale, disp }) => {
        const place = index === null ? { disp } : { index: r64(index), scale: scale as 1, disp };
        const memory = ptr(base === null ? null : r64(base), place);
        const mov = emitted((asm) => asm.mov(rax, memory));
        const legacy = decode(mov, 2, { x: (mov[0]! >> 1) & 1, b: mov[0]! & 1 }, 1);
        expect([legacy.base, legacy.index, legacy.disp, legacy.length]).toEqual([base, index, disp, mov.length]);
        const and = emitted((asm) => asm.vpshufb(ymm(1), ymm(2), memory));
        const vex = decode(and, 4, { x: ((and[1]! >> 6) & 1) ^ 1, b: ((and[1]! >> 5) & 1) ^ 1 }, 1);
        expect([vex.base, vex.index, vex.disp, vex.length]).toEqual([base, index, disp, and.length]);
      }),
    );
  });

  it('puts the 16 high registers, masks and zeroing where EVEX has them', () => {
    fc.assert(
      fc.property(fc.nat(31), fc.nat(31), fc.nat(31), fc.integer({ min: 1, max: 7 }), fc.boolean(), (a, b, c, m, z) => {
        const to = z ? zmm(a).maskz(k(m)) : zmm(a).mask(k(m));
        const [, p0, p1, p2, , modrm] = emitted((asm) => asm.vpdpbusd(to, zmm(b), zmm(c))) as [
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const inverted = (byte: number, i: number): number => ((byte >> i) & 1) ^ 1;
        expect(((modrm >> 3) & 7) | (inverted(p0, 7) << 3) | (inverted(p0, 4) << 4)).toBe(a);
        expect((~(p1 >> 3) & 15) | (inverted(p2, 3) << 4)).toBe(b);
        expect((modrm & 7) | (inverted(p0, 5) << 3) | (inverted(p0, 6) << 4)).toBe(c);
        expect([p2 & 7, p2 >> 7]).toEqual([m, Number(z)]);
      }),
    );
  });

  it('refuses what no instruction can address', () => {
    expect(() => ptr(rax, 2 ** 31)).toThrow('displacement 2147483648 is not a 32-bit integer');
    expect(() => ptr(rax, 0.5)).toThrow('not a 32-bit integer');
    expect(() => ptr(rax, { index: rsp })).toThrow('rsp can’t be an index');
    expect(() => ptr(rax, { index: rbp, scale: 3 as 4 })).toThrow('scale 3');
    expect(() => offset(ptr(rax, 2 ** 31 - 1), 1)).toThrow('not a 32-bit integer');
    expect(offset(ptr(rax, 8), -16).disp).toBe(-8);
  });
});
