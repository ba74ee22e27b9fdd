import type { Table } from '../notation.ts';

/** Loads, stores, single elements, broadcasts and gathers. */
export const vectorMove = {
  // Whole vectors
  vmovdqa: [
    ['V, V/M', 'VEX.V.66.0F.WIG 6F /r', 'avx'],
    ['M, V', 'VEX.V.66.0F.WIG 7F /r', 'avx'],
  ],
  vmovdqu: [
    ['V, V/M', 'VEX.V.F3.0F.WIG 6F /r', 'avx'],
    ['M, V', 'VEX.V.F3.0F.WIG 7F /r', 'avx'],
  ],
  vmovdqu8: [
    ['V{k}{z}, V/M', 'EVEX.V.F2.0F.W0 6F /r', 'avx512bw'],
    ['M{k}, V', 'EVEX.V.F2.0F.W0 7F /r', 'avx512bw'],
  ],
  vmovdqu16: [
    ['V{k}{z}, V/M', 'EVEX.V.F2.0F.W1 6F /r', 'avx512bw'],
    ['M{k}, V', 'EVEX.V.F2.0F.W1 7F /r', 'avx512bw'],
  ],
  vmovdqu32: [
    ['V{k}{z}, V/M', 'EVEX.V.F3.0F.W0 6F /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.F3.0F.W0 7F /r', 'avx512f'],
  ],
  vmovdqu64: [
    ['V{k}{z}, V/M', 'EVEX.V.F3.0F.W1 6F /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.F3.0F.W1 7F /r', 'avx512f'],
  ],
  vmovdqa32: [
    ['V{k}{z}, V/M', 'EVEX.V.66.0F.W0 6F /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.66.0F.W0 7F /r', 'avx512f'],
  ],
  vmovdqa64: [
    ['V{k}{z}, V/M', 'EVEX.V.66.0F.W1 6F /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.66.0F.W1 7F /r', 'avx512f'],
  ],
  vmovups: [
    ['V, V/M', 'VEX.V.NP.0F.WIG 10 /r', 'avx'],
    ['M, V', 'VEX.V.NP.0F.WIG 11 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.NP.0F.W0 10 /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.NP.0F.W0 11 /r', 'avx512f'],
  ],
  vmovaps: [
    ['V, V/M', 'VEX.V.NP.0F.WIG 28 /r', 'avx'],
    ['M, V', 'VEX.V.NP.0F.WIG 29 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.NP.0F.W0 28 /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.NP.0F.W0 29 /r', 'avx512f'],
  ],
  vmovupd: [
    ['V, V/M', 'VEX.V.66.0F.WIG 10 /r', 'avx'],
    ['M, V', 'VEX.V.66.0F.WIG 11 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.66.0F.W1 10 /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.66.0F.W1 11 /r', 'avx512f'],
  ],
  vmovapd: [
    ['V, V/M', 'VEX.V.66.0F.WIG 28 /r', 'avx'],
    ['M, V', 'VEX.V.66.0F.WIG 29 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.66.0F.W1 28 /r', 'avx512f'],
    ['M{k}, V', 'EVEX.V.66.0F.W1 29 /r', 'avx512f'],
  ],
  vmovntps: [
    ['M, V', 'VEX.V.NP.0F.WIG 2B /r', 'avx'],
    ['M, V', 'EVEX.V.NP.0F.W0 2B /r', 'avx512f'],
  ],
  vmovntdq: [
    ['M, V', 'VEX.V.66.0F.WIG E7 /r', 'avx'],
    ['M, V', 'EVEX.V.66.0F.W0 E7 /r', 'avx512f'],
  ],
  // One element
  vmovd: [
    ['xmm, r/m32', 'VEX.128.66.0F.W0 6E /r', 'avx'],
    ['r/m32, xmm', 'VEX.128.66.0F.W0 7E /r', 'avx'],
    ['xmm, r/m32', 'EVEX.128.66.0F.W0 6E /r', 'avx512f'],
    ['r/m32, xmm', 'EVEX.128.66.0F.W0 7E /r', 'avx512f'],
  ],
  vmovq: [
    ['xmm, xmm/m64', 'VEX.128.F3.0F.WIG 7E /r', 'avx'],
    ['m64, xmm', 'VEX.128.66.0F.WIG D6 /r', 'avx'],
    ['xmm, r64', 'VEX.128.66.0F.W1 6E /r', 'avx'],
    ['r/m64, xmm', 'VEX.128.66.0F.W1 7E /r', 'avx'],
    ['xmm, xmm/m64', 'EVEX.128.F3.0F.W1 7E /r', 'avx512f'],
    ['m64, xmm', 'EVEX.128.66.0F.W1 D6 /r', 'avx512f'],
    ['xmm, r64', 'EVEX.128.66.0F.W1 6E /r', 'avx512f'],
    ['r/m64, xmm', 'EVEX.128.66.0F.W1 7E /r', 'avx512f'],
  ],
  vmovss: [
    ['xmm, m32', 'VEX.LIG.F3.0F.WIG 10 /r', 'avx'],
    ['m32, xmm', 'VEX.LIG.F3.0F.WIG 11 /r', 'avx'],
    ['xmm, xmm, xmm', 'VEX.LIG.F3.0F.WIG 10 /r', 'avx'],
    ['xmm{k}{z}, m32', 'EVEX.LIG.F3.0F.W0 10 /r', 'avx512f'],
    ['m32{k}, xmm', 'EVEX.LIG.F3.0F.W0 11 /r', 'avx512f'],
    ['xmm{k}{z}, xmm, xmm', 'EVEX.LIG.F3.0F.W0 10 /r', 'avx512f'],
  ],
  vmovsd: [
    ['xmm, m64', 'VEX.LIG.F2.0F.WIG 10 /r', 'avx'],
    ['m64, xmm', 'VEX.LIG.F2.0F.WIG 11 /r', 'avx'],
    ['xmm, xmm, xmm', 'VEX.LIG.F2.0F.WIG 10 /r', 'avx'],
    ['xmm{k}{z}, m64', 'EVEX.LIG.F2.0F.W1 10 /r', 'avx512f'],
    ['m64{k}, xmm', 'EVEX.LIG.F2.0F.W1 11 /r', 'avx512f'],
    ['xmm{k}{z}, xmm, xmm', 'EVEX.LIG.F2.0F.W1 10 /r', 'avx512f'],
  ],
  vpextrb: [
    ['r32/m8, xmm, imm8', 'VEX.128.66.0F3A.WIG 14 /r ib', 'avx'],
    ['r32/m8, xmm, imm8', 'EVEX.128.66.0F3A.WIG 14 /r ib', 'avx512bw'],
  ],
  vpextrw: [
    ['r32/m16, xmm, imm8', 'VEX.128.66.0F3A.WIG 15 /r ib', 'avx'],
    ['r32/m16, xmm, imm8', 'EVEX.128.66.0F3A.WIG 15 /r ib', 'avx512bw'],
  ],
  vpextrd: [
    ['r32/m32, xmm, imm8', 'VEX.128.66.0F3A.W0 16 /r ib', 'avx'],
    ['r32/m32, xmm, imm8', 'EVEX.128.66.0F3A.W0 16 /r ib', 'avx512dq'],
  ],
  vpextrq: [
    ['r64/m64, xmm, imm8', 'VEX.128.66.0F3A.W1 16 /r ib', 'avx'],
    ['r64/m64, xmm, imm8', 'EVEX.128.66.0F3A.W1 16 /r ib', 'avx512dq'],
  ],
  vpinsrb: [
    ['xmm, xmm, r32/m8, imm8', 'VEX.128.66.0F3A.WIG 20 /r ib', 'avx'],
    ['xmm, xmm, r32/m8, imm8', 'EVEX.128.66.0F3A.WIG 20 /r ib', 'avx512bw'],
  ],
  vpinsrw: [
    ['xmm, xmm, r32/m16, imm8', 'VEX.128.66.0F.WIG C4 /r ib', 'avx'],
    ['xmm, xmm, r32/m16, imm8', 'EVEX.128.66.0F.WIG C4 /r ib', 'avx512bw'],
  ],
  vpinsrd: [
    ['xmm, xmm, r32/m32, imm8', 'VEX.128.66.0F3A.W0 22 /r ib', 'avx'],
    ['xmm, xmm, r32/m32, imm8', 'EVEX.128.66.0F3A.W0 22 /r ib', 'avx512dq'],
  ],
  vpinsrq: [
    ['xmm, xmm, r64/m64, imm8', 'VEX.128.66.0F3A.W1 22 /r ib', 'avx'],
    ['xmm, xmm, r64/m64, imm8', 'EVEX.128.66.0F3A.W1 22 /r ib', 'avx512dq'],
  ],
  vinsertps: [
    ['xmm, xmm, xmm/m32, imm8', 'VEX.128.66.0F3A.WIG 21 /r ib', 'avx'],
    ['xmm, xmm, xmm/m32, imm8', 'EVEX.128.66.0F3A.W0 21 /r ib', 'avx512f'],
  ],
  vextractps: [
    ['r/m32, xmm, imm8', 'VEX.128.66.0F3A.WIG 17 /r ib', 'avx'],
    ['r/m32, xmm, imm8', 'EVEX.128.66.0F3A.WIG 17 /r ib', 'avx512f'],
  ],
  vmovhlps: [
    ['xmm, xmm, xmm', 'VEX.128.NP.0F.WIG 12 /r', 'avx'],
    ['xmm, xmm, xmm', 'EVEX.128.NP.0F.W0 12 /r', 'avx512f'],
  ],
  vmovlhps: [
    ['xmm, xmm, xmm', 'VEX.128.NP.0F.WIG 16 /r', 'avx'],
    ['xmm, xmm, xmm', 'EVEX.128.NP.0F.W0 16 /r', 'avx512f'],
  ],
  // Broadcasts
  vpbroadcastb: [
    ['V, xmm/m8', 'VEX.V.66.0F38.W0 78 /r', 'avx2'],
    ['V{k}{z}, xmm/m8', 'EVEX.V.66.0F38.W0 78 /r', 'avx512bw'],
    ['V{k}{z}, r32', 'EVEX.V.66.0F38.W0 7A /r', 'avx512bw'],
  ],
  vpbroadcastw: [
    ['V, xmm/m16', 'VEX.V.66.0F38.W0 79 /r', 'avx2'],
    ['V{k}{z}, xmm/m16', 'EVEX.V.66.0F38.W0 79 /r', 'avx512bw'],
    ['V{k}{z}, r32', 'EVEX.V.66.0F38.W0 7B /r', 'avx512bw'],
  ],
  vpbroadcastd: [
    ['V, xmm/m32', 'VEX.V.66.0F38.W0 58 /r', 'avx2'],
    ['V{k}{z}, xmm/m32', 'EVEX.V.66.0F38.W0 58 /r', 'avx512f'],
    ['V{k}{z}, r32', 'EVEX.V.66.0F38.W0 7C /r', 'avx512f'],
  ],
  vpbroadcastq: [
    ['V, xmm/m64', 'VEX.V.66.0F38.W0 59 /r', 'avx2'],
    ['V{k}{z}, xmm/m64', 'EVEX.V.66.0F38.W1 59 /r', 'avx512f'],
    ['V{k}{z}, r64', 'EVEX.V.66.0F38.W1 7C /r', 'avx512f'],
  ],
  // From a register, vbroadcastss needs AVX2, from memory only AVX.
  vbroadcastss: [
    ['V, m32', 'VEX.V.66.0F38.W0 18 /r', 'avx'],
    ['V, xmm', 'VEX.V.66.0F38.W0 18 /r', 'avx2'],
    ['V{k}{z}, xmm/m32', 'EVEX.V.66.0F38.W0 18 /r', 'avx512f'],
  ],
  vbroadcastsd: [
    ['ymm, m64', 'VEX.256.66.0F38.W0 19 /r', 'avx'],
    ['ymm, xmm', 'VEX.256.66.0F38.W0 19 /r', 'avx2'],
    ['ymm{k}{z}, xmm/m64', 'EVEX.256.66.0F38.W1 19 /r', 'avx512f'],
    ['zmm{k}{z}, xmm/m64', 'EVEX.512.66.0F38.W1 19 /r', 'avx512f'],
  ],
  vbroadcasti128: [['ymm, m128', 'VEX.256.66.0F38.W0 5A /r', 'avx2']],
  vbroadcastf128: [['ymm, m128', 'VEX.256.66.0F38.W0 1A /r', 'avx']],
  vbroadcasti32x4: [
    ['ymm{k}{z}, m128', 'EVEX.256.66.0F38.W0 5A /r', 'avx512f'],
    ['zmm{k}{z}, m128', 'EVEX.512.66.0F38.W0 5A /r', 'avx512f'],
  ],
  vbroadcasti64x4: [['zmm{k}{z}, m256', 'EVEX.512.66.0F38.W1 5B /r', 'avx512f']],
  vbroadcastf32x4: [
    ['ymm{k}{z}, m128', 'EVEX.256.66.0F38.W0 1A /r', 'avx512f'],
    ['zmm{k}{z}, m128', 'EVEX.512.66.0F38.W0 1A /r', 'avx512f'],
  ],
  vbroadcastf64x4: [['zmm{k}{z}, m256', 'EVEX.512.66.0F38.W1 1B /r', 'avx512f']],
  // Masked and gathered
  vpmaskmovd: [
    ['V, V, M', 'VEX.V.66.0F38.W0 8C /r', 'avx2'],
    ['M, V, V', 'VEX.V.66.0F38.W0 8E /r', 'avx2'],
  ],
  vpmaskmovq: [
    ['V, V, M', 'VEX.V.66.0F38.W1 8C /r', 'avx2'],
    ['M, V, V', 'VEX.V.66.0F38.W1 8E /r', 'avx2'],
  ],
  vmaskmovps: [
    ['V, V, M', 'VEX.V.66.0F38.W0 2C /r', 'avx'],
    ['M, V, V', 'VEX.V.66.0F38.W0 2E /r', 'avx'],
  ],
  vpgatherdd: [
    ['V, vm32V, V', 'VEX.V.66.0F38.W0 90 /r', 'avx2'],
    ['V{k1}, vm32V', 'EVEX.V.66.0F38.W0 90 /r', 'avx512f'],
  ],
  vgatherdps: [
    ['V, vm32V, V', 'VEX.V.66.0F38.W0 92 /r', 'avx2'],
    ['V{k1}, vm32V', 'EVEX.V.66.0F38.W0 92 /r', 'avx512f'],
  ],
} as const satisfies Table;
