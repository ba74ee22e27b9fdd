/** Rows of the tables, read: one form for each row and vector length. */
import { AssemblerError } from './error.ts';
import type { Feature, Row } from './notation.ts';
import { parseSpec, type Spec, type VectorLength } from './spec.ts';

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
    specs: texts.map((text) => parseSpec(text, length, kind === 'EVEX')),
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
