/** Rows of the tables, read: one form for each row and vector length. */
import { Code, HIGH, MASKED, ZEROED } from './codes.ts';
import { AssemblerError } from './error.ts';
import type { Feature, Row } from './notation.ts';

export type VectorLength = 128 | 256 | 512;

/** One operand of a form: which codes it takes, and the size of its memory alternative. */
export interface Spec {
  readonly text: string;
  readonly codes: ReadonlySet<number>;
  /** Bits of memory that it reads or writes, 0 where the operand can't be memory or has no size (lea). */
  readonly memoryBits: number;
}

/** Where each operand goes, as its position in the operand list, -1 for nowhere ("Op/En" in the manual). */
export interface Slots {
  readonly rm: number;
  readonly reg: number;
  readonly vvvv: number;
  /** In the low bits of the opcode (+r). */
  readonly opcode: number;
  /** In the high bits of the immediate byte (/is4). */
  readonly is4: number;
  readonly immediate: number;
  readonly label: number;
}

export interface Form {
  readonly mnemonic: string;
  readonly row: Row;
  readonly length: VectorLength | undefined;
  readonly kind: 'EVEX' | 'VEX' | 'legacy';
  readonly specs: readonly Spec[];
  readonly slots: Slots;
  /** 0xf0 (lock), or 0. */
  readonly lock: number;
  /** 66, F3, F2 as 1, 2, 3; 0 for none. */
  readonly pp: number;
  /** 0F, 0F38, 0F3A as 1, 2, 3; 0 for one-byte opcodes. */
  readonly map: number;
  readonly w: 0 | 1;
  /** L'L: 0, 1, 2 for 128, 256, 512 bits. */
  readonly ll: number;
  /** The opcode after the map's escape; legacy instructions may have more than one byte. */
  readonly opcode: readonly number[];
  readonly modrm: boolean;
  /** ModRM.reg where it is part of the opcode, else -1. */
  readonly digit: number;
  readonly immediateBytes: number;
  readonly labelBytes: number;
  readonly needs: readonly Feature[];
}

const VSIB = new Map([
  ['x', [Code.vsibX, 128]],
  ['y', [Code.vsibY, 256]],
  ['z', [Code.vsibZ, 512]],
] as const);
const GENERAL: readonly (readonly [string, number])[] = [
  ['r8', Code.r8],
  ['r16', Code.r16],
  ['r32', Code.r32],
  ['r64', Code.r64],
  ['k', Code.k],
];
const VECTORS = new Map([
  ['xmm', Code.xmm],
  ['ymm', Code.ymm],
  ['zmm', Code.zmm],
]);
const SIZES = new Map<string, readonly [code: number, bits: number]>([
  ['byte', [Code.byte, 8]],
  ['word', [Code.word, 16]],
  ['dword', [Code.dword, 32]],
  ['qword', [Code.qword, 64]],
]);
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

interface Context {
  readonly evex: boolean;
  readonly rexW: boolean;
  readonly decoration: string;
}

/** The codes and the memory size of one alternative of an operand. */
function alternative(token: string, { evex, rexW, decoration }: Context): { codes: number[]; bits: number } {
  const masks = decoration !== '';
  const general = GENERAL.find(([name]) => name === token);
  if (general !== undefined) {
    const [, code] = general;
    return { codes: code === Code.k && masks ? [code, Code.kMasked] : [code], bits: 0 };
  }
  const vector = VECTORS.get(token);
  if (vector !== undefined) {
    if (decoration === '{k1}') return { codes: [vector + MASKED], bits: 0 };
    const codes = vector === Code.zmm || !evex ? [vector] : [vector, vector + HIGH];
    if (vector === Code.zmm) codes.push(vector + HIGH);
    if (masks) codes.push(vector + MASKED);
    if (decoration === '{k}{z}') codes.push(vector + ZEROED);
    return { codes, bits: 0 };
  }
  const size = SIZES.get(token);
  if (size !== undefined) return { codes: [size[0]], bits: size[1] };
  if (token.startsWith('vm')) return { codes: [VSIB.get(token.at(-1) as 'x')![0]], bits: Number(token.slice(2, 4)) };
  if (token.startsWith('m')) {
    const bits = Number(token.slice(1));
    const stated = [...SIZES.values()].filter(([, b]) => b === bits).map(([code]) => code);
    return { codes: masks ? [Code.mem, ...stated, Code.memMasked] : [Code.mem, ...stated], bits };
  }
  const simple = new Map<string, number[]>([
    ['b32', [Code.b32]],
    ['b64', [Code.b64]],
    ['imm8', [Code.imm8, Code.imm32]],
    ['imm8s', [Code.imm8]],
    ['imm32s', [Code.imm8, Code.imm32]],
    ['imm16', [Code.imm8, Code.imm32]],
    ['imm32', rexW ? [Code.imm8, Code.imm32] : [Code.imm8, Code.imm32, Code.immU32]],
    ['imm64', [Code.imm8, Code.imm32, Code.immU32, Code.imm64]],
    ['rel8', [Code.short]],
    ['rel32', [Code.short, Code.near]],
  ]).get(token);
  if (simple === undefined) throw new AssemblerError(`unknown operand '${token}' in a row`);
  return { codes: simple, bits: 0 };
}

function parseSpec(text: string, length: VectorLength | undefined, evex: boolean, rexW: boolean): Spec {
  const [, body, decoration] = /^(.*?)(\{k1?\}(?:\{z\})?)?$/.exec(text) as unknown as [string, string, string?];
  const tokens = body.replace(/^r\/m(\d+)$/, 'r$1/m$1').split('/');
  const resolved = tokens.map((token) => resolve(token, length));
  const found = resolved.map((token) => alternative(token, { evex, rexW, decoration: decoration ?? '' }));
  return {
    text: resolved.join('/') + (decoration ?? ''),
    codes: new Set(found.flatMap((f) => f.codes)),
    memoryBits: Math.max(...found.map((f) => f.bits)),
  };
}

/** Operand encoding from the row's text: r/m is the operand that can be memory, or else the last register. */
function assignSlots(texts: readonly string[], encoding: readonly string[]): Slots {
  const is = (pattern: RegExp) => texts.findIndex((text) => pattern.test(text));
  const registers = texts.flatMap((text, i) => (/^(imm|rel)/.test(text) ? [] : [i]));
  const slots = { rm: -1, reg: -1, vvvv: -1, opcode: -1, is4: -1, immediate: is(/^imm/), label: is(/^rel/) };
  if (encoding.includes('+r')) slots.opcode = registers.shift() ?? -1;
  if (encoding.includes('/is4')) slots.is4 = registers.pop() ?? -1;
  const modrm = encoding.find((token) => /^\/[r0-7]$/.test(token));
  if (modrm === undefined) return slots;
  const memory = is(/(^|\/)(vm?\d|m|M|byte|word|dword|qword)/);
  slots.rm = memory >= 0 ? memory : (registers.at(-1) ?? -1);
  const rest = registers.filter((i) => i !== slots.rm);
  // A masked store names its mask (vvvv) before the register that it stores.
  if (slots.rm === 0 && rest.length === 2) slots.vvvv = rest.shift() ?? -1;
  if (modrm === '/r') slots.reg = rest.shift() ?? -1;
  if (slots.vvvv < 0) slots.vvvv = rest.shift() ?? -1;
  if (rest.length > 0) throw new AssemblerError(`row '${texts.join(', ')}' has more operands than its encoding`);
  return slots;
}

const PP = new Map([
  ['NP', 0],
  ['66', 1],
  ['F3', 2],
  ['F2', 3],
]);
const MAPS = new Map([
  ['0F', 1],
  ['0F38', 2],
  ['0F3A', 3],
]);
const LENGTHS = new Map([
  ['128', 0],
  ['256', 1],
  ['512', 2],
  ['L0', 0],
  ['L1', 1],
  ['LZ', 0],
  ['LIG', 0],
]);
const IMMEDIATES = new Map([
  ['ib', 1],
  ['iw', 2],
  ['id', 4],
  ['io', 8],
  ['/is4', 1],
]);

/** `66`, `F3`, `F0`, `REX.W` and the escape bytes before the opcode of a legacy instruction. */
function legacyPrefixes(tokens: string[]): { lock: number; pp: number; w: 0 | 1; map: number } {
  const found = { lock: 0, pp: 0, w: 0 as 0 | 1, map: 0 };
  const take = (text: string): boolean => tokens[0] === text && tokens.shift() !== undefined;
  if (take('F0')) found.lock = 0xf0;
  if (tokens.length > 1 && PP.has(tokens[0]!)) found.pp = PP.get(tokens.shift()!)!;
  if (take('REX.W')) found.w = 1;
  if (take('0F')) found.map = take('38') ? 2 : take('3A') ? 3 : 1;
  return found;
}

function vectorPrefix(text: string, length: VectorLength | undefined) {
  const [, l, pp, map, w] = text.split('.');
  const parsed = { ll: LENGTHS.get(l === 'V' ? String(length) : l!), pp: PP.get(pp!), map: MAPS.get(map!) };
  if (parsed.ll === undefined || parsed.pp === undefined || parsed.map === undefined)
    throw new AssemblerError(`can't read the encoding '${text}'`);
  return { lock: 0, ll: parsed.ll, pp: parsed.pp, map: parsed.map, w: (w === 'W1' ? 1 : 0) as 0 | 1 };
}

/** EVEX forms of 128 and 256 bits need AVX512VL, but for the scalar ones and the moves of one element (EVEX.128). */
function features(row: Row, length: VectorLength | undefined): Feature[] {
  const main = row[2] ?? 'base';
  const short = row[1].startsWith('EVEX.256') || (row[1].startsWith('EVEX.V') && length !== 512);
  return short ? [main, 'avx512vl'] : [main];
}

function parse(mnemonic: string, row: Row, length: VectorLength | undefined): Form {
  const [operands, encoding] = row;
  const tokens = encoding.split(' ');
  const kind = encoding.startsWith('EVEX') ? 'EVEX' : encoding.startsWith('VEX') ? 'VEX' : 'legacy';
  const prefix = kind === 'legacy' ? { ...legacyPrefixes(tokens), ll: 0 } : vectorPrefix(tokens.shift()!, length);
  const texts = operands === '' ? [] : operands.split(', ');
  const digit = tokens.find((token) => /^\/[0-7]$/.test(token));
  return {
    mnemonic: mnemonic.replace('_', ' '),
    row,
    length,
    kind,
    specs: texts.map((text) => parseSpec(text, length, kind === 'EVEX', prefix.w === 1)),
    slots: assignSlots(texts, tokens),
    ...prefix,
    opcode: tokens.filter((token) => /^[0-9A-F]{2}$/.test(token)).map((token) => Number.parseInt(token, 16)),
    modrm: digit !== undefined || tokens.includes('/r'),
    digit: digit === undefined ? -1 : Number(digit[1]),
    immediateBytes: tokens.reduce((sum, token) => sum + (IMMEDIATES.get(token) ?? 0), 0),
    labelBytes: tokens.includes('cb') ? 1 : tokens.includes('cd') ? 4 : 0,
    needs: features(row, length),
  };
}

/** The forms of an instruction's rows in the order in which they are tried. */
export function parseRows(mnemonic: string, rows: readonly Row[]): Form[] {
  return rows.flatMap((row) => {
    if (row[1].startsWith('EVEX.V.')) return ([512, 256, 128] as const).map((length) => parse(mnemonic, row, length));
    if (row[1].startsWith('VEX.V.')) return ([256, 128] as const).map((length) => parse(mnemonic, row, length));
    return [parse(mnemonic, row, undefined)];
  });
}
