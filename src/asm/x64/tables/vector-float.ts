import type { Table } from '../notation.ts';

/** Floating-point arithmetic, comparisons and conversions. */
export const vectorFloat = {
  // Arithmetic, packed and scalar
  vaddps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 58 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 58 /r', 'avx512f'],
  ],
  vaddpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 58 /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 58 /r', 'avx512f'],
  ],
  vaddss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 58 /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 58 /r', 'avx512f'],
  ],
  vaddsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 58 /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 58 /r', 'avx512f'],
  ],
  vmulps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 59 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 59 /r', 'avx512f'],
  ],
  vmulpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 59 /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 59 /r', 'avx512f'],
  ],
  vmulss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 59 /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 59 /r', 'avx512f'],
  ],
  vmulsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 59 /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 59 /r', 'avx512f'],
  ],
  vsubps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 5C /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 5C /r', 'avx512f'],
  ],
  vsubpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 5C /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 5C /r', 'avx512f'],
  ],
  vsubss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 5C /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 5C /r', 'avx512f'],
  ],
  vsubsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 5C /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 5C /r', 'avx512f'],
  ],
  vminps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 5D /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 5D /r', 'avx512f'],
  ],
  vminpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 5D /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 5D /r', 'avx512f'],
  ],
  vminss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 5D /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 5D /r', 'avx512f'],
  ],
  vminsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 5D /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 5D /r', 'avx512f'],
  ],
  vdivps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 5E /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 5E /r', 'avx512f'],
  ],
  vdivpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 5E /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 5E /r', 'avx512f'],
  ],
  vdivss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 5E /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 5E /r', 'avx512f'],
  ],
  vdivsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 5E /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 5E /r', 'avx512f'],
  ],
  vmaxps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 5F /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 5F /r', 'avx512f'],
  ],
  vmaxpd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 5F /r', 'avx'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 5F /r', 'avx512f'],
  ],
  vmaxss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 5F /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 5F /r', 'avx512f'],
  ],
  vmaxsd: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 5F /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 5F /r', 'avx512f'],
  ],
  vsqrtps: [
    ['V, V/M', 'VEX.V.NP.0F.WIG 51 /r', 'avx'],
    ['V{k}{z}, V/M/b32', 'EVEX.V.NP.0F.W0 51 /r', 'avx512f'],
  ],
  vsqrtss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 51 /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 51 /r', 'avx512f'],
  ],
  // Fused multiply-add: 231 means first = second * third + first
  vfmadd132ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 98 /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 98 /r', 'avx512f'],
  ],
  vfmadd132pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 98 /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 98 /r', 'avx512f'],
  ],
  vfmadd132ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 99 /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 99 /r', 'avx512f'],
  ],
  vfmadd213ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 A8 /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 A8 /r', 'avx512f'],
  ],
  vfmadd213pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 A8 /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 A8 /r', 'avx512f'],
  ],
  vfmadd213ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 A9 /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 A9 /r', 'avx512f'],
  ],
  vfmadd231ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 B8 /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 B8 /r', 'avx512f'],
  ],
  vfmadd231pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 B8 /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 B8 /r', 'avx512f'],
  ],
  vfmadd231ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 B9 /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 B9 /r', 'avx512f'],
  ],
  vfmsub132ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 9A /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 9A /r', 'avx512f'],
  ],
  vfmsub213ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 AA /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 AA /r', 'avx512f'],
  ],
  vfmsub231ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 BA /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 BA /r', 'avx512f'],
  ],
  vfnmadd132ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 9C /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 9C /r', 'avx512f'],
  ],
  vfnmadd132pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 9C /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 9C /r', 'avx512f'],
  ],
  vfnmadd132ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 9D /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 9D /r', 'avx512f'],
  ],
  vfnmadd213ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 AC /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 AC /r', 'avx512f'],
  ],
  vfnmadd213pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 AC /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 AC /r', 'avx512f'],
  ],
  vfnmadd213ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 AD /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 AD /r', 'avx512f'],
  ],
  vfnmadd231ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 BC /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 BC /r', 'avx512f'],
  ],
  vfnmadd231pd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 BC /r', 'fma'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 BC /r', 'avx512f'],
  ],
  vfnmadd231ss: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.66.0F38.W0 BD /r', 'fma'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.66.0F38.W0 BD /r', 'avx512f'],
  ],
  vfnmsub132ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 9E /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 9E /r', 'avx512f'],
  ],
  vfnmsub213ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 AE /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 AE /r', 'avx512f'],
  ],
  vfnmsub231ps: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 BE /r', 'fma'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 BE /r', 'avx512f'],
  ],
  // Approximations and parts
  vrcp14ps: [['V{k}{z}, V/M/b32', 'EVEX.V.66.0F38.W0 4C /r', 'avx512f']],
  vrsqrt14ps: [['V{k}{z}, V/M/b32', 'EVEX.V.66.0F38.W0 4E /r', 'avx512f']],
  vrcpps: [['V, V/M', 'VEX.V.NP.0F.WIG 53 /r', 'avx']],
  vrsqrtps: [['V, V/M', 'VEX.V.NP.0F.WIG 52 /r', 'avx']],
  vrndscaleps: [['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 08 /r ib', 'avx512f']],
  vrndscaless: [['xmm{k}{z}, xmm, xmm/m32, imm8', 'EVEX.LIG.66.0F3A.W0 0A /r ib', 'avx512f']],
  vroundps: [['V, V/M, imm8', 'VEX.V.66.0F3A.WIG 08 /r ib', 'avx']],
  vroundss: [['xmm, xmm, xmm/m32, imm8', 'VEX.LIG.66.0F3A.WIG 0A /r ib', 'avx']],
  vscalefps: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 2C /r', 'avx512f']],
  vgetexpps: [['V{k}{z}, V/M/b32', 'EVEX.V.66.0F38.W0 42 /r', 'avx512f']],
  vgetmantps: [['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 26 /r ib', 'avx512f']],
  vrangeps: [['V{k}{z}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 50 /r ib', 'avx512dq']],
  vfixupimmps: [['V{k}{z}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 54 /r ib', 'avx512f']],
  // Bitwise
  vandps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 54 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 54 /r', 'avx512dq'],
  ],
  vandnps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 55 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 55 /r', 'avx512dq'],
  ],
  vorps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 56 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 56 /r', 'avx512dq'],
  ],
  vxorps: [
    ['V, V, V/M', 'VEX.V.NP.0F.WIG 57 /r', 'avx'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.NP.0F.W0 57 /r', 'avx512dq'],
  ],
  // Comparisons and choice
  vcmpps: [
    ['V, V, V/M, imm8', 'VEX.V.NP.0F.WIG C2 /r ib', 'avx'],
    ['k{k}, V, V/M/b32, imm8', 'EVEX.V.NP.0F.W0 C2 /r ib', 'avx512f'],
  ],
  vcmpss: [
    ['xmm, xmm, xmm/m32, imm8', 'VEX.LIG.F3.0F.WIG C2 /r ib', 'avx'],
    ['k{k}, xmm, xmm/m32, imm8', 'EVEX.LIG.F3.0F.W0 C2 /r ib', 'avx512f'],
  ],
  vcomiss: [
    ['xmm, xmm/m32', 'VEX.LIG.NP.0F.WIG 2F /r', 'avx'],
    ['xmm, xmm/m32', 'EVEX.LIG.NP.0F.W0 2F /r', 'avx512f'],
  ],
  vucomiss: [
    ['xmm, xmm/m32', 'VEX.LIG.NP.0F.WIG 2E /r', 'avx'],
    ['xmm, xmm/m32', 'EVEX.LIG.NP.0F.W0 2E /r', 'avx512f'],
  ],
  vblendvps: [['V, V, V/M, V', 'VEX.V.66.0F3A.W0 4A /r /is4', 'avx']],
  vblendps: [['V, V, V/M, imm8', 'VEX.V.66.0F3A.WIG 0C /r ib', 'avx']],
  vblendmps: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 65 /r', 'avx512f']],
  vmovmskps: [['r32, V', 'VEX.V.NP.0F.WIG 50 /r', 'avx']],
  vhaddps: [['V, V, V/M', 'VEX.V.F2.0F.WIG 7C /r', 'avx']],
  // Conversions
  vcvtdq2ps: [
    ['V, V/M', 'VEX.V.NP.0F.WIG 5B /r', 'avx'],
    ['V{k}{z}, V/M/b32', 'EVEX.V.NP.0F.W0 5B /r', 'avx512f'],
  ],
  vcvtps2dq: [
    ['V, V/M', 'VEX.V.66.0F.WIG 5B /r', 'avx'],
    ['V{k}{z}, V/M/b32', 'EVEX.V.66.0F.W0 5B /r', 'avx512f'],
  ],
  vcvttps2dq: [
    ['V, V/M', 'VEX.V.F3.0F.WIG 5B /r', 'avx'],
    ['V{k}{z}, V/M/b32', 'EVEX.V.F3.0F.W0 5B /r', 'avx512f'],
  ],
  vcvtudq2ps: [['V{k}{z}, V/M/b32', 'EVEX.V.F2.0F.W0 7A /r', 'avx512f']],
  vcvtps2udq: [['V{k}{z}, V/M/b32', 'EVEX.V.NP.0F.W0 79 /r', 'avx512f']],
  vcvtph2ps: [
    ['V, Vh/Mh', 'VEX.V.66.0F38.W0 13 /r', 'f16c'],
    ['V{k}{z}, Vh/Mh', 'EVEX.V.66.0F38.W0 13 /r', 'avx512f'],
  ],
  vcvtps2ph: [
    ['Vh/Mh, V, imm8', 'VEX.V.66.0F3A.W0 1D /r ib', 'f16c'],
    ['Vh/Mh{k}{z}, V, imm8', 'EVEX.V.66.0F3A.W0 1D /r ib', 'avx512f'],
  ],
  vcvtps2pd: [
    ['V, Vh/Mh', 'VEX.V.NP.0F.WIG 5A /r', 'avx'],
    ['V{k}{z}, Vh/Mh/b32', 'EVEX.V.NP.0F.W0 5A /r', 'avx512f'],
  ],
  vcvtdq2pd: [
    ['V, Vh/Mh', 'VEX.V.F3.0F.WIG E6 /r', 'avx'],
    ['V{k}{z}, Vh/Mh/b32', 'EVEX.V.F3.0F.W0 E6 /r', 'avx512f'],
  ],
  // From memory, only 512 bits: the size of a smaller source does not show in the operands.
  vcvtpd2ps: [
    ['xmm, xmm', 'VEX.128.66.0F.WIG 5A /r', 'avx'],
    ['xmm, ymm', 'VEX.256.66.0F.WIG 5A /r', 'avx'],
    ['ymm{k}{z}, zmm/m512/b64', 'EVEX.512.66.0F.W1 5A /r', 'avx512f'],
    ['xmm{k}{z}, ymm', 'EVEX.256.66.0F.W1 5A /r', 'avx512f'],
  ],
  vcvtss2sd: [
    ['xmm, xmm, xmm/m32', 'VEX.LIG.F3.0F.WIG 5A /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m32', 'EVEX.LIG.F3.0F.W0 5A /r', 'avx512f'],
  ],
  vcvtsd2ss: [
    ['xmm, xmm, xmm/m64', 'VEX.LIG.F2.0F.WIG 5A /r', 'avx'],
    ['xmm{k}{z}, xmm, xmm/m64', 'EVEX.LIG.F2.0F.W1 5A /r', 'avx512f'],
  ],
  vcvtsi2ss: [
    ['xmm, xmm, r32/dword', 'VEX.LIG.F3.0F.W0 2A /r', 'avx'],
    ['xmm, xmm, r64/qword', 'VEX.LIG.F3.0F.W1 2A /r', 'avx'],
  ],
  vcvtss2si: [
    ['r32, xmm/m32', 'VEX.LIG.F3.0F.W0 2D /r', 'avx'],
    ['r64, xmm/m32', 'VEX.LIG.F3.0F.W1 2D /r', 'avx'],
  ],
  vcvttss2si: [
    ['r32, xmm/m32', 'VEX.LIG.F3.0F.W0 2C /r', 'avx'],
    ['r64, xmm/m32', 'VEX.LIG.F3.0F.W1 2C /r', 'avx'],
  ],
} as const satisfies Table;
