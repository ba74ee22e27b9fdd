/** Random operands for every form of every row, the same ones for the same seed. */
import { Code } from '../../../src/asm/x64/codes.ts';
import type { Form } from '../../../src/asm/x64/form.ts';
import * as x64 from '../../../src/asm/x64/index.ts';
import { type Choice, choose, codeOf, type Instruction, instruction } from '../../../src/asm/x64/instruction.ts';
import type { Table } from '../../../src/asm/x64/notation.ts';
import type { Argument } from '../../../src/asm/x64/operand.ts';
import type { Spec } from '../../../src/asm/x64/spec.ts';
import { table } from '../../../src/asm/x64/tables/index.ts';

export interface Instance {
  readonly name: string;
  readonly form: Form;
  readonly operands: readonly Argument[];
}

type Random = (n: number) => number;

/** mulberry32 */
export function seeded(seed: number): Random {
  let a = seed;
  return (n) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

function displacement(random: Random): number {
  const kind = random(8);
  if (kind === 0) return 0;
  if (kind < 3) return random(256) - 128;
  if (kind < 6) return (random(256) - 128) * 2 ** random(7);
  return random(2 ** 32) | 0;
}

function place(random: Random): [x64.Operand<'r64'> | null, x64.Address] {
  const base = random(12) === 0 ? null : x64.r64(random(16));
  const disp = displacement(random);
  if (random(2) === 0) return [base, { disp }];
  const index = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15][random(15)]!;
  return [base, { index: x64.r64(index), scale: [1, 2, 4, 8][random(4)] as 1, disp }];
}

const mask = (random: Random): x64.K => x64.k(1 + random(7));

function vector(code: number, file: (n: number) => x64.Vector<'zmm'>, random: Random): Argument {
  const zmm = file(0).name === 'zmm0';
  const any = file(zmm ? random(32) : random(16));
  const high = file(16 + random(16));
  return [any, high, file(random(32)).mask(mask(random)), file(random(32)).maskz(mask(random))][code]!;
}

function vsib(index: x64.Vector<'zmm'>, random: Random): Argument {
  const [base, { scale, disp }] = place(random);
  return x64.ptr(base, { index, ...(scale === undefined ? {} : { scale }), ...(disp === undefined ? {} : { disp }) });
}

function immediate(code: number, spec: Spec, random: Random): number | bigint {
  const byte = spec.text === 'imm8';
  if (code === Code.imm8) return byte ? random(128) : random(256) - 128;
  if (code === Code.imm32)
    return byte ? 128 + random(128) : spec.text === 'imm16' ? 128 + random(32000) : random(2 ** 32) | 0;
  if (code === Code.immU32) return 2 ** 31 + random(2 ** 31);
  return (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
}

/** A random operand of a code. */
function operand(code: number, spec: Spec, random: Random): Argument {
  const general = [undefined, x64.r8, x64.r16, x64.r32, x64.r64][code];
  if (general !== undefined) return general(random(16));
  if (code === Code.k) return x64.k(random(8));
  if (code === Code.kMasked) return x64.k(random(8)).mask(mask(random));
  for (const [first, file] of [
    [Code.zmm, x64.zmm],
    [Code.ymm, x64.ymm],
    [Code.xmm, x64.xmm],
  ] as const)
    if (code >= first && code < first + 4) return vector(code - first, file as typeof x64.zmm, random);
  const [base, address] = place(random);
  if (code === Code.mem) return x64.ptr(base, address);
  if (code === Code.byte) return x64.byte(base, address);
  if (code === Code.word) return x64.word(base, address);
  if (code === Code.dword) return x64.dword(base, address);
  if (code === Code.qword) return x64.qword(base, address);
  if (code === Code.memMasked) return x64.ptr(base, address).mask(mask(random));
  if (code === Code.b32) return x64.bcast32(x64.ptr(base, address));
  if (code === Code.b64) return x64.bcast64(x64.ptr(base, address));
  // VEX gathers reach 16 index registers only.
  const n = spec.text.endsWith('!') ? random(16) : random(32);
  if (code === Code.vsibX) return vsib(x64.xmm(n) as unknown as x64.Zmm, random);
  if (code === Code.vsibY) return vsib(x64.ymm(n) as unknown as x64.Zmm, random);
  if (code === Code.vsibZ) return vsib(x64.zmm(n), random);
  return immediate(code, spec, random);
}

/** A gather's destination, index and mask must differ. */
function wellFormed(form: Form, operands: readonly Argument[]): boolean {
  const memory = operands[form.slots.rm];
  if (typeof memory !== 'object' || !('index' in memory) || memory.code < Code.vsibX || memory.code > Code.vsibZ)
    return true;
  const used = [
    memory.index,
    ...operands.flatMap((o) => (typeof o === 'object' && 'n' in o && o !== memory ? [o.n] : [])),
  ];
  return new Set(used).size === used.length && (form.kind === 'EVEX' || memory.index < 16);
}

/** Random operands that make the assembler choose just this form; from turn to turn the r/m operand is of another kind. */
function instance(name: string, what: Instruction, wanted: Choice, turn: number, random: Random): Instance {
  const { form } = wanted;
  for (let attempt = 0; attempt < 5000; attempt++) {
    const codes = form.specs.map((spec, i) => {
      const all = [...spec.codes].reverse();
      return all[i === form.slots.rm && attempt < 50 ? turn % all.length : random(all.length)]!;
    });
    const operands = form.specs.map((spec, i) => operand(codes[i]!, spec, random));
    if (!wellFormed(form, operands)) continue;
    const own = form.kind === 'VEX' ? new Set(form.needs) : undefined;
    // AVX-VNNI's forms stand behind those of AVX-512 and are chosen where only they are allowed.
    const features = form.needs.includes('avx_vnni') ? own : undefined;
    if (choose(what, operands, operands.map(codeOf), features).form === form) return { name, form, operands };
  }
  throw new Error(
    `no operands make the assembler choose ${name} ${form.row[0]} (${form.row[1]}): is the row shadowed by another?`,
  );
}

/** `count` instances of each form, jumps to labels left out. */
export function instances(seed: number, count: number): Instance[] {
  const random = seeded(seed);
  return Object.entries(table as Table).flatMap(([name, rows]) => {
    const what = instruction(name, rows);
    const choices = what.choices().filter(({ form }) => form.labelBytes === 0);
    return choices.flatMap((choice) => {
      const n = choice.form.specs.length === 0 ? 1 : count;
      return Array.from({ length: n }, (_, turn) => instance(name, what, choice, turn, random));
    });
  });
}

/** The bytes that the assembler emits for an instance, and its text in the listing. */
export function emit({ name, form, operands }: Instance): { bytes: Uint8Array; text: string } {
  const features = form.needs.includes('avx_vnni') ? new Set(form.needs) : undefined;
  const asm = x64.assembler({ listing: true, ...(features === undefined ? {} : { features }) });
  const methods = asm as unknown as Record<string, (...operands: readonly Argument[]) => void>;
  methods[name]!(...operands);
  return { bytes: asm.finish(), text: asm.listing()[0]!.text };
}

const PREDICATES = ['eq', 'lt', 'le', '', 'neq', 'nlt', 'nle', ''];
const FLOAT_PREDICATES = (
  'eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true eq_os lt_oq le_oq unord_s neq_us nlt_uq ' +
  'nle_uq ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us'
).split(' ');

/** The listing's text as objdump writes it: its own names for comparisons, immediates without a sign. */
export function asObjdump({ form, operands }: Instance, text: string): string {
  const value = operands.at(-1);
  if (value === undefined || typeof value === 'object') return normalise(text);
  const [, mnemonic, rest] = /^((?:lock )?\w+) (.*?)(?:, )?[^ ,]+$/.exec(text) as unknown as [string, string, string];
  const compare = /^vp?cmp(s|u?[bwdq]|ps|ss)$/.exec(mnemonic);
  const predicates = compare?.[1]?.length === 2 && compare[1][1] === 's' ? FLOAT_PREDICATES : PREDICATES;
  const predicate = compare === null ? undefined : predicates[Number(value)];
  if (predicate) return normalise(`${mnemonic.replace('cmp', `cmp${predicate}`)} ${rest}`);
  const shown = `0x${BigInt.asUintN(immediateBits(form), BigInt(value)).toString(16)}`;
  return normalise(`${mnemonic} ${rest === '' ? shown : `${rest}, ${shown}`}`);
}

function immediateBits(form: Form): number {
  if (form.specs.some((s) => s.text === 'imm64')) return 64;
  if (form.kind !== 'legacy' || form.specs.some((s) => s.text === 'imm8')) return 8;
  if (form.mnemonic === 'push' || form.w === 1) return 64;
  return form.pp === 1 ? 16 : 32;
}

const CONDITIONS = new Map([
  ['c', 'b'],
  ['nc', 'ae'],
  ['z', 'e'],
  ['nz', 'ne'],
]);

/** One spelling for what objdump and the listing write differently. */
export function normalise(text: string): string {
  return (
    text
      .replace(/\s*#.*/, '')
      // An encoded displacement of zero (after rbp or r13), marks of the encoding, and other names of the same condition.
      .replace('+0x0]', ']')
      .replace(/^\{e?vex\} /, '')
      .replace(/^movabs /, 'mov ')
      .replace(/^(nop .*|xchg ax,ax)$/, 'nop')
      .replace(/^(set|cmov|j)(nz|z|nc|c) /, (_, what, condition) => `${what}${CONDITIONS.get(condition)} `)
      .replace(/\s+/g, ' ')
      .replace(/, /g, ',')
      .trim()
  );
}
