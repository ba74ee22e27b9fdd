import { describe, expect, it } from 'vitest';
import {
  type Assembler,
  assembler,
  dword,
  ptr,
  qword,
  r8q,
  r12,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  xmm,
  ymm,
} from '../../../../src/asm/x64/index.ts';
import { win64Thunk } from '../../../../src/runtime/native/host/stubs.ts';
import { abiProbe } from '../../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../../support/native-host.ts';

const assemble = (write: (a: Assembler) => void): Uint8Array => {
  const a = assembler();
  write(a);
  a.ret();
  return a.finish();
};

/** Runs one generated function under the probe. */
async function probed(write: (a: Assembler) => void, ctx = 0, arg = 0) {
  const host = await requireHost();
  using probe = abiProbe(host);
  using code = host.code(assemble(write));
  return probe.run(code.address, ctx, arg);
}

describe.skipIf(!hasHost)('abiProbe', () => {
  it('passes code that keeps to the ABI, and gives its result', async () => {
    const { result, violations } = await probed(
      (a) => {
        a.push(rbx);
        a.mov(rbx, rdi);
        a.vpcmpeqd(ymm(3), ymm(3), ymm(3));
        a.vzeroupper();
        a.lea(rax, ptr(rbx, { index: rsi }));
        a.pop(rbx);
      },
      40,
      -2,
    );
    expect(violations).toEqual([]);
    expect(result).toBe(38n);
  });

  it('finds each way to break it', async () => {
    const broken: [string, (a: Assembler) => void][] = [
      ['rbx is 0x0, was 0x5afe000012345678', (a) => a.mov(rbx, 0)],
      ['r12 is 0x1, was', (a) => a.mov(r12, 1)],
      [
        'rsp is',
        (a) => {
          a.pop(rcx);
          a.add(rsp, 8);
          a.jmp(rcx);
        },
      ],
      ["the caller's stack at rsp+16 is 0x0", (a) => a.mov(qword(rsp, 24), 0)],
      [
        "MXCSR's control is 0x9fc0, was 0x1f80",
        (a) => {
          a.push(0x9fc0);
          a.ldmxcsr(dword(rsp));
          a.pop(rcx);
        },
      ],
      ['the upper part of', (a) => a.vpcmpeqd(ymm(7), ymm(7), ymm(7))],
    ];
    for (const [expected, write] of broken) {
      const { violations } = await probed(write);
      expect(violations).toHaveLength(1);
      expect(violations[0]).toContain(expected);
    }
  });

  it('lets MXCSR status flags change', async () => {
    const { violations } = await probed((a) => {
      a.push(0x1f80 | 0x3f);
      a.ldmxcsr(dword(rsp));
      a.pop(rcx);
    });
    expect(violations).toEqual([]);
  });
});

describe.skipIf(!hasHost)('win64Thunk', () => {
  it('calls System V code and keeps what a Windows caller counts on', async () => {
    const host = await requireHost();
    // System V target: result = ctx - arg; spoils everything it may.
    using target = host.code(
      assemble((a) => {
        a.mov(rax, rdi);
        a.sub(rax, rsi);
        a.mov(rdi, -1);
        a.mov(rsi, -1);
        a.vzeroall();
      }),
    );
    using thunk = host.code(win64Thunk);
    using block = host.arena(512);
    const words = new BigUint64Array(block.buffer);
    const XMM = 6;
    const results = { rax: 0, rdi: 1, rsi: 2, rsp: 3, vectors: 8 };
    // A Windows caller: arguments in rcx, rdx, r8; 32 bytes of shadow space; rsp a multiple of 16.
    using caller = host.code(
      assemble((a) => {
        a.push(rbx);
        a.push(r12);
        a.sub(rsp, 40);
        a.mov(rbx, rdi);
        a.mov(r12, rsp);
        for (let i = XMM; i < 16; i++) a.vmovups(xmm(i), ptr(rbx, 256 + 16 * i));
        a.mov(rcx, 1000);
        a.mov(rdx, 1);
        a.mov(r8q, BigInt(target.address));
        a.mov(rdi, 0x1111);
        a.mov(rsi, 0x2222);
        a.mov(rax, BigInt(thunk.address));
        a.call(rax);
        a.mov(qword(rbx, 8 * results.rax), rax);
        a.mov(qword(rbx, 8 * results.rdi), rdi);
        a.mov(qword(rbx, 8 * results.rsi), rsi);
        a.sub(r12, rsp);
        a.mov(qword(rbx, 8 * results.rsp), r12);
        for (let i = XMM; i < 16; i++) a.vmovups(ptr(rbx, 8 * results.vectors + 16 * (i - XMM)), xmm(i));
        a.add(rsp, 40);
        a.pop(r12);
        a.pop(rbx);
      }),
    );
    const vectors = Array.from({ length: 20 }, (_, i) => 0x0123_4567_89ab_cd00n + BigInt(i));
    words.set(vectors, (256 + 16 * XMM) / 8);
    using probe = abiProbe(host);
    expect(probe.run(caller.address, block.address).violations).toEqual([]);
    expect([...words.subarray(0, 4)]).toEqual([999n, 0x1111n, 0x2222n, 0n]);
    expect([...words.subarray(results.vectors, results.vectors + 20)]).toEqual(vectors);
  });
});
