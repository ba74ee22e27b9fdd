import { byte, dword, eax, ptr, qword, r8, r8q, r16, rax, vmm, word, xmm, ymm } from '../../asm/x64/index.ts';
import type { Buffer, Step } from '../../kernels/native-kernel.ts';
import { access, emitRun, place, rowWalk, spanOf } from './move.ts';

/** Fills a picture tensor with one element, given as the 32 bits that repeat it. */
export function fillStep(name: string, to: Buffer, pattern: number): Step {
  const walk = rowWalk({ buffer: to, pointer: r8q });
  return {
    name,
    tiles: walk.tiles,
    macs: 0,
    accesses: [access('write', spanOf(to))],
    emit: (a) => {
      const fill = (bytes: number): void =>
        emitRun(a, bytes, ({ at, size }, isMoving) => {
          const where = place(at, isMoving);
          if (size >= 16) a.vmovdqu(ptr(r8q, where), vmm(size === 32 ? 256 : 128)(0));
          else if (size === 8) a.vmovq(qword(r8q, where), xmm(0));
          else if (size === 4) a.mov(dword(r8q, where), eax);
          else if (size === 2) a.mov(word(r8q, where), r16(rax));
          else a.mov(byte(r8q, where), r8(rax));
        });
      walk.start(a);
      a.mov(eax, pattern);
      a.vmovd(xmm(0), eax);
      a.vpbroadcastd(ymm(0), xmm(0));
      walk.runs(a, fill);
      a.vzeroupper();
      a.ret();
    },
  };
}
