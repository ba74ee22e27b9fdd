/** Operands as the rows write them: what each may be, by code. */
import { Code, HIGH, MASKED, ZEROED } from './codes.ts';
import { AssemblerError } from './error.ts';

export type VectorLength = 128 | 256 | 512;

/** One operand of a form: which codes it takes, and the size of its memory alternative. */
export interface Spec {
  /** As in the row, but with the vector length put in: `zmm{k}{z}`, `zmm/m512/b32`. */
  readonly text: string;
  readonly codes: ReadonlySet<number>;
  /** Bits of memory that it reads or writes, 0 where the operand can't be memory or has no size (lea). */
  readonly memoryBits: number;
}

/** What an operand's token stands for by itself: its codes, and its bits where it is memory. */
const TOKENS = new Map<string, { readonly codes: readonly number[]; readonly bits?: number }>([
  ['r8', { codes: [Code.r8] }],
  ['r16', { codes: [Code.r16] }],
  ['r32', { codes: [Code.r32] }],
  ['r64', { codes: [Code.r64] }],
  ['m', { codes: [Code.mem, Code.dword, Code.qword] }],
  ['m8', { codes: [Code.mem, Code.byte], bits: 8 }],
  ['m16', { codes: [Code.mem, Code.word], bits: 16 }],
  ['m32', { codes: [Code.mem, Code.dword], bits: 32 }],
  ['m64', { codes: [Code.mem, Code.qword], bits: 64 }],
  ['m128', { codes: [Code.mem], bits: 128 }],
  ['m256', { codes: [Code.mem], bits: 256 }],
  ['m512', { codes: [Code.mem], bits: 512 }],
  ['byte', { codes: [Code.byte], bits: 8 }],
  ['word', { codes: [Code.word], bits: 16 }],
  ['dword', { codes: [Code.dword], bits: 32 }],
  ['qword', { codes: [Code.qword], bits: 64 }],
  ['b32', { codes: [Code.b32] }],
  ['b64', { codes: [Code.b64] }],
  ['vm32x', { codes: [Code.vsibX], bits: 32 }],
  ['vm32y', { codes: [Code.vsibY], bits: 32 }],
  ['vm32z', { codes: [Code.vsibZ], bits: 32 }],
  ['imm8', { codes: [Code.imm8, Code.imm32] }],
  ['imm8s', { codes: [Code.imm8] }],
  ['imm16', { codes: [Code.imm8, Code.imm32] }],
  ['imm32', { codes: [Code.imm8, Code.imm32, Code.immU32] }],
  ['imm32s', { codes: [Code.imm8, Code.imm32] }],
  ['imm64', { codes: [Code.imm8, Code.imm32, Code.immU32, Code.imm64] }],
  ['rel8', { codes: [Code.short] }],
  ['rel32', { codes: [Code.short, Code.near] }],
]);
const VECTORS = new Map([
  ['xmm', Code.xmm],
  ['ymm', Code.ymm],
  ['zmm', Code.zmm],
]);
/** The tokens that depend on the vector length, as a fraction of it. */
const FRACTIONS = new Map([
  ['V', 1],
  ['M', 1],
  ['Vh', 2],
  ['Mh', 2],
  ['Vq', 4],
  ['Mq', 4],
  ['Ve', 8],
  ['Me', 8],
]);

const vectorName = (bits: number): string => (bits <= 128 ? 'xmm' : bits === 256 ? 'ymm' : 'zmm');

/** `V` → `zmm`, `Mh` → `m256`, `vm32V` → `vm32z` for a vector length. */
function resolve(token: string, length: VectorLength | undefined): string {
  if (length === undefined) return token;
  if (token.startsWith('vm')) return token.replace('V', vectorName(length)[0]!);
  const fraction = FRACTIONS.get(token);
  if (fraction === undefined) return token;
  const bits = length / fraction;
  return token.startsWith('V') ? vectorName(bits) : `m${bits}`;
}

function vectorCodes(plain: number, evex: boolean, decoration: string): number[] {
  if (decoration === '{k1}') return [plain + MASKED];
  const high = evex ? [plain + HIGH] : [];
  const masked = decoration === '' ? [] : [plain + MASKED];
  const zeroed = decoration === '{k}{z}' ? [plain + ZEROED] : [];
  return [plain, ...high, ...masked, ...zeroed];
}

/** The codes and the memory size of one alternative of an operand. */
function alternative(token: string, evex: boolean, decoration: string): { codes: readonly number[]; bits: number } {
  if (token === 'k') return { codes: decoration === '' ? [Code.k] : [Code.k, Code.kMasked], bits: 0 };
  const vector = VECTORS.get(token);
  if (vector !== undefined) return { codes: vectorCodes(vector, evex, decoration), bits: 0 };
  const found = TOKENS.get(token);
  if (found === undefined) throw new AssemblerError(`unknown operand '${token}' in a row`);
  const { codes, bits = 0 } = found;
  return { codes: decoration !== '' && codes.includes(Code.mem) ? [...codes, Code.memMasked] : codes, bits };
}

/** Reads one operand of a row. EVEX reaches vector registers 16 to 31, the other encodings do not. */
export function parseSpec(text: string, length: VectorLength | undefined, evex: boolean): Spec {
  const decoration = /\{.*$/.exec(text)?.[0] ?? '';
  const body = text.slice(0, text.length - decoration.length).replace(/^r\/m(\d+)$/, 'r$1/m$1');
  const tokens = body.split('/').map((token) => resolve(token, length));
  const found = tokens.map((token) => alternative(token, evex, decoration));
  return {
    text: tokens.join('/') + decoration,
    codes: new Set(found.flatMap(({ codes }) => codes)),
    memoryBits: Math.max(...found.map(({ bits }) => bits)),
  };
}
