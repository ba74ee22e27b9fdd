import { describe, expect, it } from 'vitest';
import {
  AssemblerError,
  assembler,
  bcast32,
  byte,
  dword,
  eax,
  type Feature,
  formatListing,
  k0,
  k1,
  ptr,
  r32,
  rax,
  rdi,
  rsi,
  vmm,
  xmm,
  ymm,
  zmm,
} from '../../src/asm/x64/index.ts';

const loosely = (asm: ReturnType<typeof assembler>) =>
  asm as unknown as Record<string, (...operands: readonly unknown[]) => void>;

describe('operands', () => {
  it('are checked by the compiler', () => {
    const asm = assembler();
    const checked = [
      // @ts-expect-error vectors of different widths
      () => asm.vpdpbusd(zmm(0), ymm(1), zmm(2)),
      // @ts-expect-error memory can't be the destination
      () => asm.vpdpbusd(ptr(rax), zmm(1), zmm(2)),
      // @ts-expect-error one operand too many
      () => asm.ret(rax),
      // @ts-expect-error the size of the memory is open
      () => asm.inc(ptr(rax)),
      // @ts-expect-error a gather must have a mask
      () => asm.vpgatherdd(zmm(1), ptr(rax, { index: zmm(2) })),
    ];
    for (const wrong of checked) expect(wrong).toThrow(AssemblerError);
  });

  it('that fit no form are answered with the forms there are', () => {
    const asm = assembler();
    expect(() => loosely(asm).vpdpbusd!(zmm(0), ymm(1), zmm(2))).toThrow(
      /vpdpbusd has no form for 'zmm0, ymm1, zmm2'.*\n {2}zmm\{k\}\{z\}, zmm, zmm\/m512\/b32 {2}\(EVEX/,
    );
    expect(() => asm.vphaddd(ymm(16), ymm(1), ymm(2))).toThrow("no form for 'ymm16, ymm1, ymm2'");
    expect(() => loosely(asm).vpslld!(zmm(1), zmm(2), 1.5)).toThrow('1.5 is no 64-bit integer');
    expect(() => asm.vpslld(zmm(1), zmm(2), 256)).toThrow('immediate 256 does not fit');
    expect(() => asm.add(rax, 2 ** 31)).toThrow("no form for 'rax, 0x80000000'");
    expect(() => zmm(32)).toThrow('there is no zmm register 32 (0 to 31)');
    expect(() => zmm(1).mask(k0)).toThrow('k0');
    expect(() => asm.vpgatherdd(zmm(1).mask(k1), ptr(rax, { index: zmm(1) }))).toThrow('different registers');
    expect(() => asm.vpgatherdd(ymm(1), ptr(rax, { index: ymm(17) }), ymm(2))).toThrow('needs EVEX');
    expect(asm.offset).toBe(0);
  });

  it('of a width known at run time make the same code as those of that width', () => {
    const [one, two] = [assembler(), assembler()];
    const v = vmm(512);
    one.vpmovzxbd(v(1), ptr(rdi));
    one.vpaddd(v(1), v(1), bcast32(ptr(rsi)));
    one.vmovd(r32(rax), xmm(v(1)));
    two.vpmovzxbd(zmm(1), ptr(rdi));
    two.vpaddd(zmm(1), zmm(1), bcast32(ptr(rsi)));
    two.vmovd(eax, xmm(1));
    expect(one.finish()).toEqual(two.finish());
  });
});

describe('features', () => {
  const only = (...features: Feature[]) => assembler({ features: new Set(features) });

  it('decide between the encodings of one instruction', () => {
    const [vnni, avx] = [only('avx512f', 'avx512vl', 'avx512_vnni'), only('avx', 'avx2', 'avx_vnni')];
    vnni.vpdpbusd(ymm(1), ymm(2), ymm(3));
    avx.vpdpbusd(ymm(1), ymm(2), ymm(3));
    expect([...vnni.finish()]).toEqual([0x62, 0xf2, 0x6d, 0x28, 0x50, 0xcb]);
    expect([...avx.finish()]).toEqual([0xc4, 0xe2, 0x6d, 0x50, 0xcb]);
    expect([...avx.needs()]).toEqual(['avx_vnni']);
    expect([...vnni.needs()]).toEqual(['avx512_vnni', 'avx512vl']);
  });

  it('bring what they imply', () => {
    const asm = only('avx512_vnni');
    asm.vfmadd231ps(ymm(1), ymm(2), ymm(3));
    asm.vzeroupper();
    expect(() => asm.vpermb(zmm(1), zmm(2), zmm(3))).toThrow('needs avx512vbmi');
  });

  it('that the program may not use are refused by name', () => {
    const asm = only('avx', 'avx2', 'fma');
    asm.vpaddd(ymm(1), ymm(2), ymm(3));
    expect(() => asm.vpaddd(ymm(17), ymm(2), ymm(3))).toThrow('needs avx512f and avx512vl, which this program may not');
    expect(() => asm.vpaddd(zmm(1), zmm(2), zmm(3))).toThrow('needs avx512f,');
  });
});

describe('labels', () => {
  it('take two bytes where the distance allows, up to the edge', () => {
    const distance = (pad: number): number => {
      const asm = assembler();
      const top = asm.label('top');
      asm.bind(top);
      for (let i = 0; i < pad; i++) asm.ret();
      const before = asm.offset;
      asm.jmp(top);
      return asm.offset - before;
    };
    expect([0, 126, 127].map(distance)).toEqual([2, 2, 5]);
  });

  it('can be far: 5 MB of code, forward and back', () => {
    const asm = assembler();
    const [top, end] = [asm.label('top'), asm.label('end')];
    asm.bind(top);
    asm.jz(end);
    for (let i = 0; i < 500_000; i++) asm.mov(rax, 0x123456789abcdefn);
    asm.jmp(top);
    asm.bind(end);
    const code = asm.finish();
    const view = new DataView(code.buffer);
    expect(view.getInt32(2, true)).toBe(code.length - 6);
    expect(view.getInt32(code.length - 4, true)).toBe(-code.length);
    expect(asm.offsetOf(end)).toBe(code.length);
  });

  it('never bound, bound twice, or of another program are errors', () => {
    const asm = assembler();
    const [done, other] = [asm.label('done'), assembler().label('other')];
    asm.ret();
    asm.jmp(done);
    expect(() => asm.finish()).toThrow("labels never bound: 'done' (used at offset 0x2)");
    expect(() => asm.offsetOf(done)).toThrow('not bound yet');
    asm.bind(done);
    expect(() => asm.bind(done)).toThrow("label 'done' is bound already, at 6");
    expect(() => asm.jmp(other)).toThrow("'other' belongs to another assembler");
    expect(() => asm.bind(other)).toThrow("'other' belongs to another assembler");
    expect([...asm.finish()]).toEqual([0xc3, 0xe9, 0, 0, 0, 0]);
  });
});

describe('align', () => {
  it('pads to the multiple, even by more than the buffer holds', () => {
    const asm = assembler();
    asm.ret();
    asm.align(8192);
    expect(asm.offset).toBe(8192);
    asm.align(64);
    expect(asm.offset).toBe(8192);
    expect(() => asm.align(48)).toThrow('no power of two');
  });
});

describe('listing', () => {
  it('shows offset, bytes and text, the final bytes of forward jumps too', () => {
    const asm = assembler({ listing: true });
    const done = asm.label('done');
    asm.jmp(done);
    asm.vpdpbusd(zmm(8).maskz(k1), zmm(31), bcast32(ptr(rsi, { index: rax, scale: 4, disp: -64 })));
    asm.lock_add(dword(rdi, 8), -1);
    asm.movzx(eax, byte(rdi));
    asm.bind(done);
    asm.ret();
    asm.finish();
    expect(formatListing(asm.listing())).toMatchInlineSnapshot(`
      "     0  e9 10 00 00 00                    jmp done
           5  62 72 05 d1 50 44 86 f0           vpdpbusd zmm8{k1}{z}, zmm31, DWORD BCST [rsi+rax*4-0x40]
           d  f0 83 47 08 ff                    lock add DWORD PTR [rdi+0x8], -0x1
          12  0f b6 07                          movzx eax, BYTE PTR [rdi]
          15  c3                                ret"
    `);
  });

  it('is not kept unless asked for', () => {
    const asm = assembler();
    asm.ret();
    expect(asm.listing()).toEqual([]);
  });
});
