import type { Table } from '../notation.ts';

/** Narrowing, widening, shuffles, permutations and parts of vectors. */
export const vectorShuffle = {
  // Narrowing: two vectors to one, in each 128-bit lane, with signed or unsigned saturation
  vpackssdw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 6B /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 6B /r', 'avx512bw'],
  ],
  vpackusdw: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 2B /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 2B /r', 'avx512bw'],
  ],
  vpacksswb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 63 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 63 /r', 'avx512bw'],
  ],
  vpackuswb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 67 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 67 /r', 'avx512bw'],
  ],
  // Narrowing in order: truncated, saturated signed (s) or unsigned (us)
  vpmovwb: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 30 /r', 'avx512bw']],
  vpmovswb: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 20 /r', 'avx512bw']],
  vpmovuswb: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 10 /r', 'avx512bw']],
  vpmovdb: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 31 /r', 'avx512f']],
  vpmovsdb: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 21 /r', 'avx512f']],
  vpmovusdb: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 11 /r', 'avx512f']],
  vpmovdw: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 33 /r', 'avx512f']],
  vpmovsdw: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 23 /r', 'avx512f']],
  vpmovusdw: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 13 /r', 'avx512f']],
  vpmovqb: [['Ve/Me{k}{z}, V', 'EVEX.V.F3.0F38.W0 32 /r', 'avx512f']],
  vpmovsqb: [['Ve/Me{k}{z}, V', 'EVEX.V.F3.0F38.W0 22 /r', 'avx512f']],
  vpmovusqb: [['Ve/Me{k}{z}, V', 'EVEX.V.F3.0F38.W0 12 /r', 'avx512f']],
  vpmovqw: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 34 /r', 'avx512f']],
  vpmovsqw: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 24 /r', 'avx512f']],
  vpmovusqw: [['Vq/Mq{k}{z}, V', 'EVEX.V.F3.0F38.W0 14 /r', 'avx512f']],
  vpmovqd: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 35 /r', 'avx512f']],
  vpmovsqd: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 25 /r', 'avx512f']],
  vpmovusqd: [['Vh/Mh{k}{z}, V', 'EVEX.V.F3.0F38.W0 15 /r', 'avx512f']],
  // Widening, with zeros (zx) or the sign (sx)
  vpmovsxbw: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 20 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.WIG 20 /r', 'avx512bw'],
  ],
  vpmovzxbw: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 30 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.WIG 30 /r', 'avx512bw'],
  ],
  vpmovsxbd: [
    ['V, Vq/Mq', 'VEX.V.66.0F38.WIG 21 /r', 'avx2'],
    ['V{k}{z}, Vq/Mq', 'EVEX.V.66.0F38.WIG 21 /r', 'avx512f'],
  ],
  vpmovzxbd: [
    ['V, Vq/Mq', 'VEX.V.66.0F38.WIG 31 /r', 'avx2'],
    ['V{k}{z}, Vq/Mq', 'EVEX.V.66.0F38.WIG 31 /r', 'avx512f'],
  ],
  vpmovsxbq: [
    ['V, Ve/Me', 'VEX.V.66.0F38.WIG 22 /r', 'avx2'],
    ['V{k}{z}, Ve/Me', 'EVEX.V.66.0F38.WIG 22 /r', 'avx512f'],
  ],
  vpmovzxbq: [
    ['V, Ve/Me', 'VEX.V.66.0F38.WIG 32 /r', 'avx2'],
    ['V{k}{z}, Ve/Me', 'EVEX.V.66.0F38.WIG 32 /r', 'avx512f'],
  ],
  vpmovsxwd: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 23 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.WIG 23 /r', 'avx512f'],
  ],
  vpmovzxwd: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 33 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.WIG 33 /r', 'avx512f'],
  ],
  vpmovsxwq: [
    ['V, Vq/Mq', 'VEX.V.66.0F38.WIG 24 /r', 'avx2'],
    ['V{k}{z}, Vq/Mq', 'EVEX.V.66.0F38.WIG 24 /r', 'avx512f'],
  ],
  vpmovzxwq: [
    ['V, Vq/Mq', 'VEX.V.66.0F38.WIG 34 /r', 'avx2'],
    ['V{k}{z}, Vq/Mq', 'EVEX.V.66.0F38.WIG 34 /r', 'avx512f'],
  ],
  vpmovsxdq: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 25 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.W0 25 /r', 'avx512f'],
  ],
  vpmovzxdq: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.WIG 35 /r', 'avx2'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.W0 35 /r', 'avx512f'],
  ],
  // Interleaving
  vpunpcklbw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 60 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 60 /r', 'avx512bw'],
  ],
  vpunpcklwd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 61 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 61 /r', 'avx512bw'],
  ],
  vpunpckldq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 62 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 62 /r', 'avx512f'],
  ],
  vpunpcklqdq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 6C /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 6C /r', 'avx512f'],
  ],
  vpunpckhbw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 68 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 68 /r', 'avx512bw'],
  ],
  vpunpckhwd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 69 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG 69 /r', 'avx512bw'],
  ],
  vpunpckhdq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 6A /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 6A /r', 'avx512f'],
  ],
  vpunpckhqdq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 6D /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 6D /r', 'avx512f'],
  ],
  vunpcklps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 14 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 14 /r', 'avx512f'],
  ],
  vunpckhps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 15 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 15 /r', 'avx512f'],
  ],
  vunpcklpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 14 /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 14 /r', 'avx512f'],
  ],
  vunpckhpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 15 /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 15 /r', 'avx512f'],
  ],
  // Shuffles within lanes
  vshufps: [
    ['V, V, V/M, imm8', 'VEX.V.NP.0F.WIG C6 /r ib', 'avx'],
    ['V{k}{z}, V, V/M/b32, imm8', 'EVEX.V.NP.0F.W0 C6 /r ib', 'avx512f'],
  ],
  vshufpd: [
    ['V, V, V/M, imm8', 'VEX.V.66.0F.WIG C6 /r ib', 'avx'],
    ['V{k}{z}, V, V/M/b64, imm8', 'EVEX.V.66.0F.W1 C6 /r ib', 'avx512f'],
  ],
  vpshufb: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 00 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 00 /r', 'avx512bw'],
  ],
  vpshufd: [
    ['V, V/M, imm8', 'VEX.V.66.0F.WIG 70 /r ib', 'avx2'],
    ['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F.W0 70 /r ib', 'avx512f'],
  ],
  vpshuflw: [
    ['V, V/M, imm8', 'VEX.V.F2.0F.WIG 70 /r ib', 'avx2'],
    ['V{k}{z}, V/M, imm8', 'EVEX.V.F2.0F.WIG 70 /r ib', 'avx512bw'],
  ],
  vpshufhw: [
    ['V, V/M, imm8', 'VEX.V.F3.0F.WIG 70 /r ib', 'avx2'],
    ['V{k}{z}, V/M, imm8', 'EVEX.V.F3.0F.WIG 70 /r ib', 'avx512bw'],
  ],
  vpermilps: [
    ['V, V/M, imm8', 'VEX.V.66.0F3A.W0 04 /r ib', 'avx'],
    ['V, V, V/M', 'VEX.V.66.0F38.W0 0C /r', 'avx'],
    ['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 04 /r ib', 'avx512f'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 0C /r', 'avx512f'],
  ],
  vpalignr: [
    ['V, V, V/M, imm8', 'VEX.V.66.0F3A.WIG 0F /r ib', 'avx2'],
    ['V{k}{z}, V, V/M, imm8', 'EVEX.V.66.0F3A.WIG 0F /r ib', 'avx512bw'],
  ],
  vmovshdup: [
    ['V, V/M', 'VEX.V.F3.0F.WIG 16 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.F3.0F.W0 16 /r', 'avx512f'],
  ],
  vmovsldup: [
    ['V, V/M', 'VEX.V.F3.0F.WIG 12 /r', 'avx'],
    ['V{k}{z}, V/M', 'EVEX.V.F3.0F.W0 12 /r', 'avx512f'],
  ],
  // Permutations over the whole vector
  vpermd: [
    ['ymm, ymm, ymm/m256', 'VEX.256.66.0F38.W0 36 /r', 'avx2'],
    ['ymm{k}{z}, ymm, ymm/m256/b32', 'EVEX.256.66.0F38.W0 36 /r', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b32', 'EVEX.512.66.0F38.W0 36 /r', 'avx512f'],
  ],
  vpermps: [
    ['ymm, ymm, ymm/m256', 'VEX.256.66.0F38.W0 16 /r', 'avx2'],
    ['ymm{k}{z}, ymm, ymm/m256/b32', 'EVEX.256.66.0F38.W0 16 /r', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b32', 'EVEX.512.66.0F38.W0 16 /r', 'avx512f'],
  ],
  vpermq: [
    ['ymm, ymm/m256, imm8', 'VEX.256.66.0F3A.W1 00 /r ib', 'avx2'],
    ['ymm{k}{z}, ymm/m256/b64, imm8', 'EVEX.256.66.0F3A.W1 00 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm/m512/b64, imm8', 'EVEX.512.66.0F3A.W1 00 /r ib', 'avx512f'],
    ['ymm{k}{z}, ymm, ymm/m256/b64', 'EVEX.256.66.0F38.W1 36 /r', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b64', 'EVEX.512.66.0F38.W1 36 /r', 'avx512f'],
  ],
  vpermpd: [
    ['ymm, ymm/m256, imm8', 'VEX.256.66.0F3A.W1 01 /r ib', 'avx2'],
    ['ymm{k}{z}, ymm/m256/b64, imm8', 'EVEX.256.66.0F3A.W1 01 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm/m512/b64, imm8', 'EVEX.512.66.0F3A.W1 01 /r ib', 'avx512f'],
    ['ymm{k}{z}, ymm, ymm/m256/b64', 'EVEX.256.66.0F38.W1 16 /r', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b64', 'EVEX.512.66.0F38.W1 16 /r', 'avx512f'],
  ],
  vpermb: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W0 8D /r', 'avx512vbmi']],
  vpermw: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 8D /r', 'avx512bw']],
  vpermi2b: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W0 75 /r', 'avx512vbmi']],
  vpermi2w: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 75 /r', 'avx512bw']],
  vpermi2d: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 76 /r', 'avx512f']],
  vpermi2q: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 76 /r', 'avx512f']],
  vpermi2ps: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 77 /r', 'avx512f']],
  vpermt2b: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W0 7D /r', 'avx512vbmi']],
  vpermt2w: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 7D /r', 'avx512bw']],
  vpermt2d: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 7E /r', 'avx512f']],
  vpermt2q: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 7E /r', 'avx512f']],
  vpermt2ps: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 7F /r', 'avx512f']],
  vpmultishiftqb: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 83 /r', 'avx512vbmi']],
  valignd: [['V{k}{z}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 03 /r ib', 'avx512f']],
  valignq: [['V{k}{z}, V, V/M/b64, imm8', 'EVEX.V.66.0F3A.W1 03 /r ib', 'avx512f']],
  // 128- and 256-bit parts
  vinserti128: [['ymm, ymm, xmm/m128, imm8', 'VEX.256.66.0F3A.W0 38 /r ib', 'avx2']],
  vextracti128: [['xmm/m128, ymm, imm8', 'VEX.256.66.0F3A.W0 39 /r ib', 'avx2']],
  vinserti32x4: [
    ['ymm{k}{z}, ymm, xmm/m128, imm8', 'EVEX.256.66.0F3A.W0 38 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, xmm/m128, imm8', 'EVEX.512.66.0F3A.W0 38 /r ib', 'avx512f'],
  ],
  vinserti64x2: [
    ['ymm{k}{z}, ymm, xmm/m128, imm8', 'EVEX.256.66.0F3A.W1 38 /r ib', 'avx512dq'],
    ['zmm{k}{z}, zmm, xmm/m128, imm8', 'EVEX.512.66.0F3A.W1 38 /r ib', 'avx512dq'],
  ],
  vinserti32x8: [['zmm{k}{z}, zmm, ymm/m256, imm8', 'EVEX.512.66.0F3A.W0 3A /r ib', 'avx512dq']],
  vinserti64x4: [['zmm{k}{z}, zmm, ymm/m256, imm8', 'EVEX.512.66.0F3A.W1 3A /r ib', 'avx512f']],
  vextracti32x4: [
    ['xmm/m128{k}{z}, ymm, imm8', 'EVEX.256.66.0F3A.W0 39 /r ib', 'avx512f'],
    ['xmm/m128{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W0 39 /r ib', 'avx512f'],
  ],
  vextracti64x2: [
    ['xmm/m128{k}{z}, ymm, imm8', 'EVEX.256.66.0F3A.W1 39 /r ib', 'avx512dq'],
    ['xmm/m128{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W1 39 /r ib', 'avx512dq'],
  ],
  vextracti32x8: [['ymm/m256{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W0 3B /r ib', 'avx512dq']],
  vextracti64x4: [['ymm/m256{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W1 3B /r ib', 'avx512f']],
  vinsertf128: [['ymm, ymm, xmm/m128, imm8', 'VEX.256.66.0F3A.W0 18 /r ib', 'avx']],
  vextractf128: [['xmm/m128, ymm, imm8', 'VEX.256.66.0F3A.W0 19 /r ib', 'avx']],
  vinsertf32x4: [
    ['ymm{k}{z}, ymm, xmm/m128, imm8', 'EVEX.256.66.0F3A.W0 18 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, xmm/m128, imm8', 'EVEX.512.66.0F3A.W0 18 /r ib', 'avx512f'],
  ],
  vinsertf64x2: [
    ['ymm{k}{z}, ymm, xmm/m128, imm8', 'EVEX.256.66.0F3A.W1 18 /r ib', 'avx512dq'],
    ['zmm{k}{z}, zmm, xmm/m128, imm8', 'EVEX.512.66.0F3A.W1 18 /r ib', 'avx512dq'],
  ],
  vinsertf32x8: [['zmm{k}{z}, zmm, ymm/m256, imm8', 'EVEX.512.66.0F3A.W0 1A /r ib', 'avx512dq']],
  vinsertf64x4: [['zmm{k}{z}, zmm, ymm/m256, imm8', 'EVEX.512.66.0F3A.W1 1A /r ib', 'avx512f']],
  vextractf32x4: [
    ['xmm/m128{k}{z}, ymm, imm8', 'EVEX.256.66.0F3A.W0 19 /r ib', 'avx512f'],
    ['xmm/m128{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W0 19 /r ib', 'avx512f'],
  ],
  vextractf64x2: [
    ['xmm/m128{k}{z}, ymm, imm8', 'EVEX.256.66.0F3A.W1 19 /r ib', 'avx512dq'],
    ['xmm/m128{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W1 19 /r ib', 'avx512dq'],
  ],
  vextractf32x8: [['ymm/m256{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W0 1B /r ib', 'avx512dq']],
  vextractf64x4: [['ymm/m256{k}{z}, zmm, imm8', 'EVEX.512.66.0F3A.W1 1B /r ib', 'avx512f']],
  vshufi32x4: [
    ['ymm{k}{z}, ymm, ymm/m256/b32, imm8', 'EVEX.256.66.0F3A.W0 43 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b32, imm8', 'EVEX.512.66.0F3A.W0 43 /r ib', 'avx512f'],
  ],
  vshufi64x2: [
    ['ymm{k}{z}, ymm, ymm/m256/b64, imm8', 'EVEX.256.66.0F3A.W1 43 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b64, imm8', 'EVEX.512.66.0F3A.W1 43 /r ib', 'avx512f'],
  ],
  vshuff32x4: [
    ['ymm{k}{z}, ymm, ymm/m256/b32, imm8', 'EVEX.256.66.0F3A.W0 23 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b32, imm8', 'EVEX.512.66.0F3A.W0 23 /r ib', 'avx512f'],
  ],
  vshuff64x2: [
    ['ymm{k}{z}, ymm, ymm/m256/b64, imm8', 'EVEX.256.66.0F3A.W1 23 /r ib', 'avx512f'],
    ['zmm{k}{z}, zmm, zmm/m512/b64, imm8', 'EVEX.512.66.0F3A.W1 23 /r ib', 'avx512f'],
  ],
  vperm2i128: [['ymm, ymm, ymm/m256, imm8', 'VEX.256.66.0F3A.W0 46 /r ib', 'avx2']],
  vperm2f128: [['ymm, ymm, ymm/m256, imm8', 'VEX.256.66.0F3A.W0 06 /r ib', 'avx']],
  // Choosing elements
  vpblendd: [['V, V, V/M, imm8', 'VEX.V.66.0F3A.W0 02 /r ib', 'avx2']],
  vpblendw: [['V, V, V/M, imm8', 'VEX.V.66.0F3A.WIG 0E /r ib', 'avx2']],
  vpblendvb: [['V, V, V/M, V', 'VEX.V.66.0F3A.W0 4C /r /is4', 'avx2']],
  vpblendmb: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W0 66 /r', 'avx512bw']],
  vpblendmw: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 66 /r', 'avx512bw']],
  vpblendmd: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 64 /r', 'avx512f']],
  vpblendmq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 64 /r', 'avx512f']],
  vpmovmskb: [['r32, V', 'VEX.V.66.0F.WIG D7 /r', 'avx2']],
} as const satisfies Table;
