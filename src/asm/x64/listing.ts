/** Instructions as text in Intel syntax, as GNU objdump prints them. */
import { Code } from './codes.ts';
import type { Form } from './form.ts';
import type { Argument, Operand } from './operand.ts';
import { r64, xmm, ymm, zmm } from './registers.ts';

/** One instruction of a listing. */
export interface Line {
  /** Offset in bytes from the start of the code. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

const POINTERS = new Map([
  [8, 'BYTE PTR '],
  [16, 'WORD PTR '],
  [32, 'DWORD PTR '],
  [64, 'QWORD PTR '],
  [128, 'XMMWORD PTR '],
  [256, 'YMMWORD PTR '],
  [512, 'ZMMWORD PTR '],
]);

const hex = (n: number): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);

function indexName(m: Operand): string {
  if (m.code === Code.vsibX) return xmm(m.index).name;
  if (m.code === Code.vsibY) return ymm(m.index).name;
  if (m.code === Code.vsibZ) return zmm(m.index).name;
  return r64(m.index).name;
}

/** `[rax+rcx*4-0x10]`, or `ds:0x10` for an address without registers. */
function address(m: Operand): string {
  const parts = [...(m.base < 0 ? [] : [r64(m.base).name]), ...(m.index < 0 ? [] : [`${indexName(m)}*${1 << m.ss}`])];
  if (parts.length === 0) return `ds:0x${BigInt.asUintN(64, BigInt(m.disp)).toString(16)}`;
  return `[${parts.join('+')}${m.disp === 0 ? '' : m.disp < 0 ? hex(m.disp) : `+${hex(m.disp)}`}]`;
}

function decorations(o: Operand): string {
  return (o.k > 0 ? `{k${o.k}}` : '') + (o.z > 0 ? '{z}' : '');
}

/** One operand; `memoryBits` is the size that the form gives to memory in this place. */
export function operandText(operand: Argument, memoryBits: number): string {
  if (typeof operand === 'bigint') return `0x${BigInt.asUintN(64, operand).toString(16)}`;
  if (typeof operand === 'number') return hex(operand);
  if (!('base' in operand)) return operand.name;
  if (operand.code === Code.b32) return `DWORD BCST ${address(operand)}`;
  if (operand.code === Code.b64) return `QWORD BCST ${address(operand)}`;
  if (operand.code < Code.mem || operand.code > Code.vsibZ) {
    const plain = operand.name.replace(/\{.*/, '');
    return plain + decorations(operand);
  }
  return (POINTERS.get(memoryBits) ?? '') + address(operand) + decorations(operand);
}

export function instructionText(form: Form, operands: readonly Argument[]): string {
  const texts = operands.map((operand, i) => operandText(operand, form.specs[i]?.memoryBits ?? 0));
  return texts.length === 0 ? form.mnemonic : `${form.mnemonic} ${texts.join(', ')}`;
}

/** The lines as a table: offset, bytes, text. */
export function formatListing(lines: readonly Line[]): string {
  return lines
    .map(({ offset, bytes, text }) => {
      const dump = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
      return `${offset.toString(16).padStart(6, ' ')}  ${dump.padEnd(33)} ${text}`.trimEnd();
    })
    .join('\n');
}
