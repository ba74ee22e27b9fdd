import type { Table } from '../notation.ts';

/** Integer arithmetic on vectors. */
export const vectorInteger = {
  // Add, subtract, multiply
  vpaddb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG FC /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG FC /r', 'avx512bw'],
  ],
  vpaddw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG FD /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG FD /r', 'avx512bw'],
  ],
  vpaddd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG FE /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 FE /r', 'avx512f'],
  ],
  vpaddq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG D4 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 D4 /r', 'avx512f'],
  ],
  vpsubb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG F8 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG F8 /r', 'avx512bw'],
  ],
  vpsubw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG F9 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG F9 /r', 'avx512bw'],
  ],
  vpsubd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG FA /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 FA /r', 'avx512f'],
  ],
  vpsubq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG FB /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 FB /r', 'avx512f'],
  ],
  vpaddsb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG EC /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG EC /r', 'avx512bw'],
  ],
  vpaddsw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG ED /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG ED /r', 'avx512bw'],
  ],
  vpaddusb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG DC /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG DC /r', 'avx512bw'],
  ],
  vpaddusw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG DD /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG DD /r', 'avx512bw'],
  ],
  vpsubsb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E8 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E8 /r', 'avx512bw'],
  ],
  vpsubsw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E9 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E9 /r', 'avx512bw'],
  ],
  vpsubusb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG D8 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG D8 /r', 'avx512bw'],
  ],
  vpsubusw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG D9 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG D9 /r', 'avx512bw'],
  ],
  vpavgb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E0 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E0 /r', 'avx512bw'],
  ],
  vpavgw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E3 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E3 /r', 'avx512bw'],
  ],
  vpmullw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG D5 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG D5 /r', 'avx512bw'],
  ],
  vpmulhw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E5 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E5 /r', 'avx512bw'],
  ],
  vpmulhuw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG E4 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG E4 /r', 'avx512bw'],
  ],
  vpmuludq: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG F4 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 F4 /r', 'avx512f'],
  ],
  vpmaddwd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG F5 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG F5 /r', 'avx512bw'],
  ],
  vpmulld: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 40 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 40 /r', 'avx512f'],
  ],
  vpmuldq: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 28 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 28 /r', 'avx512f'],
  ],
  vpmulhrsw: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 0B /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 0B /r', 'avx512bw'],
  ],
  vpmaddubsw: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 04 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 04 /r', 'avx512bw'],
  ],
  vpmullq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 40 /r', 'avx512dq']],
  vphaddd: [['V, V, V/M', 'VEX.V.66.0F38.WIG 02 /r', 'avx2']],
  vphaddw: [['V, V, V/M', 'VEX.V.66.0F38.WIG 01 /r', 'avx2']],
  vpsadbw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG F6 /r', 'avx2'],
    ['V, V, V/M', 'EVEX.V.66.0F.WIG F6 /r', 'avx512bw'],
  ],
  // Dot products. The second operand of vpdpbusd is unsigned, the third signed.
  vpdpbusd: [
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 50 /r', 'avx512_vnni'],
    ['V, V, V/M', 'VEX.V.66.0F38.W0 50 /r', 'avx_vnni'],
  ],
  vpdpbusds: [
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 51 /r', 'avx512_vnni'],
    ['V, V, V/M', 'VEX.V.66.0F38.W0 51 /r', 'avx_vnni'],
  ],
  vpdpwssd: [
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 52 /r', 'avx512_vnni'],
    ['V, V, V/M', 'VEX.V.66.0F38.W0 52 /r', 'avx_vnni'],
  ],
  vpdpwssds: [
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 53 /r', 'avx512_vnni'],
    ['V, V, V/M', 'VEX.V.66.0F38.W0 53 /r', 'avx_vnni'],
  ],
  // Minimum, maximum, absolute value
  vpminsb: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 38 /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 38 /r', 'avx512bw'],
  ],
  vpminsw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG EA /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG EA /r', 'avx512bw'],
  ],
  vpminsd: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 39 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 39 /r', 'avx512f'],
  ],
  vpminub: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG DA /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG DA /r', 'avx512bw'],
  ],
  vpminuw: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3A /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 3A /r', 'avx512bw'],
  ],
  vpminud: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3B /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 3B /r', 'avx512f'],
  ],
  vpmaxsb: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3C /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 3C /r', 'avx512bw'],
  ],
  vpmaxsw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG EE /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG EE /r', 'avx512bw'],
  ],
  vpmaxsd: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3D /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 3D /r', 'avx512f'],
  ],
  vpmaxub: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG DE /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F.WIG DE /r', 'avx512bw'],
  ],
  vpmaxuw: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3E /r', 'avx2'],
    ['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.WIG 3E /r', 'avx512bw'],
  ],
  vpmaxud: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 3F /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 3F /r', 'avx512f'],
  ],
  vpabsb: [
    ['V, V/M', 'VEX.V.66.0F38.WIG 1C /r', 'avx2'],
    ['V{k}{z}, V/M', 'EVEX.V.66.0F38.WIG 1C /r', 'avx512bw'],
  ],
  vpabsw: [
    ['V, V/M', 'VEX.V.66.0F38.WIG 1D /r', 'avx2'],
    ['V{k}{z}, V/M', 'EVEX.V.66.0F38.WIG 1D /r', 'avx512bw'],
  ],
  vpabsd: [
    ['V, V/M', 'VEX.V.66.0F38.WIG 1E /r', 'avx2'],
    ['V{k}{z}, V/M/b32', 'EVEX.V.66.0F38.W0 1E /r', 'avx512f'],
  ],
  vpsignb: [['V, V, V/M', 'VEX.V.66.0F38.WIG 08 /r', 'avx2']],
  vpsignw: [['V, V, V/M', 'VEX.V.66.0F38.WIG 09 /r', 'avx2']],
  vpsignd: [['V, V, V/M', 'VEX.V.66.0F38.WIG 0A /r', 'avx2']],
  // Bitwise
  vpand: [['V, V, V/M', 'VEX.V.66.0F.WIG DB /r', 'avx2']],
  vpandd: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 DB /r', 'avx512f']],
  vpandq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 DB /r', 'avx512f']],
  vpandn: [['V, V, V/M', 'VEX.V.66.0F.WIG DF /r', 'avx2']],
  vpandnd: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 DF /r', 'avx512f']],
  vpandnq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 DF /r', 'avx512f']],
  vpor: [['V, V, V/M', 'VEX.V.66.0F.WIG EB /r', 'avx2']],
  vpord: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 EB /r', 'avx512f']],
  vporq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 EB /r', 'avx512f']],
  vpxor: [['V, V, V/M', 'VEX.V.66.0F.WIG EF /r', 'avx2']],
  vpxord: [['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F.W0 EF /r', 'avx512f']],
  vpxorq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F.W1 EF /r', 'avx512f']],
  vpternlogd: [['V{k}{z}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 25 /r ib', 'avx512f']],
  vpternlogq: [['V{k}{z}, V, V/M/b64, imm8', 'EVEX.V.66.0F3A.W1 25 /r ib', 'avx512f']],
  // Shifts
  vpsllw: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 71 /6 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG F1 /r', 'avx2'],
    ['V{k}{z}, V/M, imm8', 'EVEX.V.66.0F.WIG 71 /6 ib', 'avx512bw'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.WIG F1 /r', 'avx512bw'],
  ],
  vpsrlw: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 71 /2 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG D1 /r', 'avx2'],
    ['V{k}{z}, V/M, imm8', 'EVEX.V.66.0F.WIG 71 /2 ib', 'avx512bw'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.WIG D1 /r', 'avx512bw'],
  ],
  vpsraw: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 71 /4 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG E1 /r', 'avx2'],
    ['V{k}{z}, V/M, imm8', 'EVEX.V.66.0F.WIG 71 /4 ib', 'avx512bw'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.WIG E1 /r', 'avx512bw'],
  ],
  vpslld: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 72 /6 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG F2 /r', 'avx2'],
    ['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F.W0 72 /6 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W0 F2 /r', 'avx512f'],
  ],
  vpsrld: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 72 /2 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG D2 /r', 'avx2'],
    ['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F.W0 72 /2 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W0 D2 /r', 'avx512f'],
  ],
  vpsrad: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 72 /4 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG E2 /r', 'avx2'],
    ['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F.W0 72 /4 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W0 E2 /r', 'avx512f'],
  ],
  vpsllq: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 73 /6 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG F3 /r', 'avx2'],
    ['V{k}{z}, V/M/b64, imm8', 'EVEX.V.66.0F.W1 73 /6 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W1 F3 /r', 'avx512f'],
  ],
  vpsrlq: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 73 /2 ib', 'avx2'],
    ['V, V, xmm/m128', 'VEX.V.66.0F.WIG D3 /r', 'avx2'],
    ['V{k}{z}, V/M/b64, imm8', 'EVEX.V.66.0F.W1 73 /2 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W1 D3 /r', 'avx512f'],
  ],
  vpsraq: [
    ['V{k}{z}, V/M/b64, imm8', 'EVEX.V.66.0F.W1 72 /4 ib', 'avx512f'],
    ['V{k}{z}, V, xmm/m128', 'EVEX.V.66.0F.W1 E2 /r', 'avx512f'],
  ],
  vpslldq: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 73 /7 ib', 'avx2'],
    ['V, V/M, imm8', 'EVEX.V.66.0F.WIG 73 /7 ib', 'avx512bw'],
  ],
  vpsrldq: [
    ['V, V, imm8', 'VEX.V.66.0F.WIG 73 /3 ib', 'avx2'],
    ['V, V/M, imm8', 'EVEX.V.66.0F.WIG 73 /3 ib', 'avx512bw'],
  ],
  vpsllvd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 47 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 47 /r', 'avx512f'],
  ],
  vpsllvq: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 47 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 47 /r', 'avx512f'],
  ],
  vpsrlvd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 45 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 45 /r', 'avx512f'],
  ],
  vpsrlvq: [
    ['V, V, V/M', 'VEX.V.66.0F38.W1 45 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 45 /r', 'avx512f'],
  ],
  vpsravd: [
    ['V, V, V/M', 'VEX.V.66.0F38.W0 46 /r', 'avx2'],
    ['V{k}{z}, V, V/M/b32', 'EVEX.V.66.0F38.W0 46 /r', 'avx512f'],
  ],
  vpsravq: [['V{k}{z}, V, V/M/b64', 'EVEX.V.66.0F38.W1 46 /r', 'avx512f']],
  vpsllvw: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 12 /r', 'avx512bw']],
  vpsrlvw: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 10 /r', 'avx512bw']],
  vpsravw: [['V{k}{z}, V, V/M', 'EVEX.V.66.0F38.W1 11 /r', 'avx512bw']],
  vprold: [['V{k}{z}, V/M/b32, imm8', 'EVEX.V.66.0F.W0 72 /1 ib', 'avx512f']],
  // Comparisons: of vectors to a vector (VEX) or to a mask (EVEX)
  vpcmpeqb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 74 /r', 'avx2'],
    ['k{k}, V, V/M', 'EVEX.V.66.0F.WIG 74 /r', 'avx512bw'],
  ],
  vpcmpeqw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 75 /r', 'avx2'],
    ['k{k}, V, V/M', 'EVEX.V.66.0F.WIG 75 /r', 'avx512bw'],
  ],
  vpcmpeqd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 76 /r', 'avx2'],
    ['k{k}, V, V/M/b32', 'EVEX.V.66.0F.W0 76 /r', 'avx512f'],
  ],
  vpcmpeqq: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 29 /r', 'avx2'],
    ['k{k}, V, V/M/b64', 'EVEX.V.66.0F38.W1 29 /r', 'avx512f'],
  ],
  vpcmpgtb: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 64 /r', 'avx2'],
    ['k{k}, V, V/M', 'EVEX.V.66.0F.WIG 64 /r', 'avx512bw'],
  ],
  vpcmpgtw: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 65 /r', 'avx2'],
    ['k{k}, V, V/M', 'EVEX.V.66.0F.WIG 65 /r', 'avx512bw'],
  ],
  vpcmpgtd: [
    ['V, V, V/M', 'VEX.V.66.0F.WIG 66 /r', 'avx2'],
    ['k{k}, V, V/M/b32', 'EVEX.V.66.0F.W0 66 /r', 'avx512f'],
  ],
  vpcmpgtq: [
    ['V, V, V/M', 'VEX.V.66.0F38.WIG 37 /r', 'avx2'],
    ['k{k}, V, V/M/b64', 'EVEX.V.66.0F38.W1 37 /r', 'avx512f'],
  ],
  vpcmpb: [['k{k}, V, V/M, imm8', 'EVEX.V.66.0F3A.W0 3F /r ib', 'avx512bw']],
  vpcmpub: [['k{k}, V, V/M, imm8', 'EVEX.V.66.0F3A.W0 3E /r ib', 'avx512bw']],
  vpcmpw: [['k{k}, V, V/M, imm8', 'EVEX.V.66.0F3A.W1 3F /r ib', 'avx512bw']],
  vpcmpuw: [['k{k}, V, V/M, imm8', 'EVEX.V.66.0F3A.W1 3E /r ib', 'avx512bw']],
  vpcmpd: [['k{k}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 1F /r ib', 'avx512f']],
  vpcmpud: [['k{k}, V, V/M/b32, imm8', 'EVEX.V.66.0F3A.W0 1E /r ib', 'avx512f']],
  vpcmpq: [['k{k}, V, V/M/b64, imm8', 'EVEX.V.66.0F3A.W1 1F /r ib', 'avx512f']],
  vpcmpuq: [['k{k}, V, V/M/b64, imm8', 'EVEX.V.66.0F3A.W1 1E /r ib', 'avx512f']],
  vptest: [['V, V/M', 'VEX.V.66.0F38.WIG 17 /r', 'avx']],
} as const satisfies Table;
