/** One closure for each form, writing the bytes of one instruction. Layouts: Intel SDM volume 2, chapter 2. */
import { Code } from './codes.ts';
import { AssemblerError } from './error.ts';
import type { Form } from './form.ts';
import { writeInt32, writeMemory, writeRegister } from './modrm.ts';
import type { Argument, Operand } from './operand.ts';

/** Writes at b[p] and returns the position after it; the displacement of a jump is left to the caller. */
export type Encoder = (b: Uint8Array, p: number, operands: readonly Argument[]) => number;

const isMemory = (code: number): boolean => code >= Code.mem && code <= Code.vsibZ;
const bit = (n: number, i: number): number => (n >> i) & 1;

/** Registers and memory of the operand in a slot; the encoder is only built for slots that the form has. */
const at = (operands: readonly Argument[], slot: number): Operand => operands[slot] as Operand;

/**
 * N of disp8*N. The manual gives it by tuple type; in every row here that comes to the size of the memory operand,
 * or of the element where it is broadcast or gathered. (vpcompress and vpexpand, not in the tables, would differ.)
 */
function displacementShift(form: Form): { memory: number; broadcast: number } {
  const spec = form.specs[form.slots.rm];
  const element = spec?.codes.has(Code.b64) === true ? 3 : 2;
  return {
    memory: spec === undefined || spec.memoryBits === 0 ? 0 : Math.log2(spec.memoryBits / 8),
    broadcast: element,
  };
}

/** 62 | R̅ X̅ B̅ R̅' 0 mmm | W v̅v̅v̅v̅ 1 pp | z L'L b V̅' aaa | opcode | ModRM … */
function evex(form: Form): Encoder {
  const { slots, map, pp, w, ll } = form;
  const digit = Math.max(form.digit, 0);
  const shift = displacementShift(form);
  const opcode = form.opcode[0]!;
  return (b, p, operands) => {
    const reg = slots.reg < 0 ? digit : at(operands, slots.reg).n;
    const v = slots.vvvv < 0 ? 0 : at(operands, slots.vvvv).n;
    const rm = at(operands, slots.rm);
    const first = at(operands, 0);
    const memory = isMemory(rm.code);
    const broadcast = rm.code === Code.b32 || rm.code === Code.b64;
    const low = memory ? Math.max(rm.base, 0) : rm.n;
    const index = Math.max(rm.index, 0);
    const x = memory ? bit(index, 3) : bit(rm.n, 4);
    // Bit 4 of a vector index (gathers) shares V' with vvvv, which they don't use.
    const v4 = memory && rm.code >= Code.vsibX ? bit(index, 4) : bit(v, 4);
    b[p] = 0x62;
    b[p + 1] = (((bit(reg, 3) << 7) | (x << 6) | (bit(low, 3) << 5) | (bit(reg, 4) << 4)) ^ 0xf0) | map;
    b[p + 2] = (w << 7) | ((~v & 15) << 3) | 4 | pp;
    b[p + 3] = (first.z << 7) | (ll << 5) | ((broadcast ? 1 : 0) << 4) | ((v4 ^ 1) << 3) | first.k;
    b[p + 4] = opcode;
    if (!memory) return writeRegister(b, p + 5, reg, rm.n);
    return writeMemory(b, p + 5, reg, rm, broadcast ? shift.broadcast : shift.memory);
  };
}

/** C5 | R̅ v̅v̅v̅v̅ L pp, or C4 | R̅ X̅ B̅ mmmmm | W v̅v̅v̅v̅ L pp; then opcode | ModRM … */
function vex(form: Form): Encoder {
  const { slots, map, pp, w, ll } = form;
  const digit = Math.max(form.digit, 0);
  const opcode = form.opcode[0]!;
  return (b, p, operands) => {
    const reg = slots.reg < 0 ? digit : at(operands, slots.reg).n;
    const v = slots.vvvv < 0 ? 0 : at(operands, slots.vvvv).n;
    const memory = slots.rm >= 0 && isMemory(at(operands, slots.rm).code);
    const rm = at(operands, slots.rm);
    const low = slots.rm < 0 ? 0 : memory ? Math.max(rm.base, 0) : rm.n;
    const x = memory && rm.index >= 0 ? rm.index : 0;
    if (x > 15) throw new AssemblerError(`${form.mnemonic}: index register ${x} needs EVEX`);
    const last = ((~v & 15) << 3) | (ll << 2) | pp;
    const r = bit(reg, 3) ^ 1;
    let q = p;
    if (map === 1 && w === 0 && low < 8 && x < 8) {
      b[q++] = 0xc5;
      b[q++] = (r << 7) | last;
    } else {
      b[q++] = 0xc4;
      b[q++] = (r << 7) | ((bit(x, 3) ^ 1) << 6) | ((bit(low, 3) ^ 1) << 5) | map;
      b[q++] = (w << 7) | last;
    }
    b[q++] = opcode;
    if (!form.modrm) return q;
    return memory ? writeMemory(b, q, reg, rm, 0) : writeRegister(b, q, reg, rm.n);
  };
}

const PREFIX = [0, 0x66, 0xf3, 0xf2];
const ESCAPES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** spl, bpl, sil and dil are only reached with a REX prefix; without it their numbers mean ah, ch, dh and bh. */
const needsRex = (o: Operand): boolean => o.code === Code.r8 && o.n >= 4 && o.n < 8;

/** [lock] [66 F3 F2] [REX] [0F [38 3A]] opcode… [ModRM …] */
function legacy(form: Form): Encoder {
  const { slots, w, digit, modrm } = form;
  const prefixes = [form.lock, PREFIX[form.pp]!].filter((prefix) => prefix !== 0);
  const opcodes = [...ESCAPES[form.map]!, ...form.opcode];
  const last = opcodes.length - 1;
  const registers = [slots.reg, slots.rm, slots.opcode].filter((slot) => slot >= 0);
  return (b, p, operands) => {
    let q = p;
    for (const prefix of prefixes) b[q++] = prefix;
    const reg = slots.reg < 0 ? Math.max(digit, 0) : at(operands, slots.reg).n;
    const rm = slots.rm < 0 ? undefined : at(operands, slots.rm);
    const memory = rm !== undefined && isMemory(rm.code);
    const low = slots.opcode >= 0 ? at(operands, slots.opcode).n : memory ? Math.max(rm.base, 0) : (rm?.n ?? 0);
    const x = memory ? Math.max(rm.index, 0) : 0;
    const rex = (w << 3) | (bit(reg, 3) << 2) | (bit(x, 3) << 1) | bit(low, 3);
    if (rex !== 0 || registers.some((slot) => needsRex(at(operands, slot)))) b[q++] = 0x40 | rex;
    for (let i = 0; i < last; i++) b[q++] = opcodes[i]!;
    b[q++] = opcodes[last]! | (slots.opcode >= 0 ? low & 7 : 0);
    if (!modrm) return q;
    return memory ? writeMemory(b, q, reg, rm, 0) : writeRegister(b, q, reg, rm!.n);
  };
}

function writeImmediate(form: Form, b: Uint8Array, p: number, value: number | bigint): number {
  const bytes = form.immediateBytes;
  if (bytes === 8) {
    const wide = BigInt.asUintN(64, BigInt(value));
    writeInt32(b, p, Number(wide & 0xffffffffn) | 0);
    return writeInt32(b, p + 4, Number(wide >> 32n) | 0);
  }
  const n = Number(value);
  if (bytes === 4) return writeInt32(b, p, n | 0);
  const limit = 2 ** (8 * bytes);
  if (n < -limit / 2 || n >= limit)
    throw new AssemblerError(`${form.mnemonic}: immediate ${n} does not fit ${bytes} bytes`);
  b[p] = n;
  if (bytes === 2) b[p + 1] = n >> 8;
  return p + bytes;
}

/** A gather faults (#UD) when its destination, index and, with VEX, mask are not different registers. */
function gather(form: Form, main: Encoder): Encoder {
  const { reg, vvvv, rm } = form.slots;
  return (b, p, operands) => {
    const index = at(operands, rm).index;
    const used = vvvv < 0 ? [at(operands, reg).n, index] : [at(operands, reg).n, at(operands, vvvv).n, index];
    if (new Set(used).size < used.length)
      throw new AssemblerError(`${form.mnemonic}: destination, index and mask must be different registers`);
    return main(b, p, operands);
  };
}

/** The encoder of a form. It trusts that the operands' codes are among those of the form. */
export function encoder(form: Form): Encoder {
  const main = form.kind === 'EVEX' ? evex(form) : form.kind === 'VEX' ? vex(form) : legacy(form);
  const { is4, immediate, rm } = form.slots;
  if (form.specs[rm]?.text.startsWith('vm') === true) return gather(form, main);
  if (is4 >= 0) {
    return (b, p, operands) => {
      const end = main(b, p, operands);
      b[end] = at(operands, is4).n << 4;
      return end + 1;
    };
  }
  if (immediate < 0) return main;
  return (b, p, operands) => writeImmediate(form, b, main(b, p, operands), operands[immediate] as number | bigint);
}
