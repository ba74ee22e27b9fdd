import { Code } from './codes.ts';
import { AssemblerError } from './error.ts';
import { withImplied } from './features.ts';
import { type Choice, choose, codeOf, type Instruction, instruction } from './instruction.ts';
import { instructionText, type Line } from './listing.ts';
import { writeInt32 } from './modrm.ts';
import { NOPS } from './nops.ts';
import type { Feature, Methods, Table } from './notation.ts';
import type { Argument, Label } from './operand.ts';
import { type Instructions, table } from './tables/index.ts';

export interface AssemblerOptions {
  /** What the program may use (and what that implies); instructions that need more are refused. Everything when left out. */
  readonly features?: Iterable<Feature>;
  /** Keep the text of every instruction (`listing`). Slow; for debugging. */
  readonly listing?: boolean;
}

/** The part of an assembler that is not instructions. */
export interface Code64 {
  /** Bytes emitted so far: the offset of the next instruction. */
  readonly offset: number;
  /** A new label; `bind` it once, before or after its uses. */
  label(name?: string): Label;
  /** Places the label here. @throws AssemblerError when it is bound already */
  bind(label: Label): void;
  /** The label's offset in the code. @throws AssemblerError while it is unbound */
  offsetOf(label: Label): number;
  /** Pads with long nops up to a multiple of `bytes` (a power of two), counted from the start of the code. */
  align(bytes: number): void;
  /** Every processor feature that the instructions so far need. */
  needs(): ReadonlySet<Feature>;
  /** The instructions so far, when the option `listing` is set; complete after `finish`. */
  listing(): readonly Line[];
  /** The code, all jumps resolved. @throws AssemblerError naming labels that were used but never bound */
  finish(): Uint8Array;
}

export type Assembler = Code64 & Methods<Instructions>;

interface MutableLabel extends Label {
  position: number;
  /** Where the first jump to it stands, -1 for none. */
  used: number;
}

interface Fixup {
  readonly label: MutableLabel;
  /** Position of the 4 bytes to patch. */
  readonly at: number;
}

/** A line of the listing; its bytes stand in the code. */
interface Entry {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

interface State {
  bytes: Uint8Array;
  length: number;
  readonly fixups: Fixup[];
  readonly needs: Set<Feature>;
  readonly lines: Entry[] | undefined;
  readonly features: ReadonlySet<Feature> | undefined;
}

/** No instruction is longer (SDM volume 2, 2.3.11); the rest is room for words written past its end. */
const ROOM = 32;

function grow(state: State): void {
  const larger = new Uint8Array(state.bytes.length * 2);
  larger.set(state.bytes);
  state.bytes = larger;
}

/** The code of a jump's target: `short` when the label is bound so near that a 2-byte jump reaches it. */
function labelCode(state: State, label: Label): number {
  if (label.owner !== state) throw new AssemblerError(`label '${label.name}' belongs to another assembler`);
  return label.position >= 0 && label.position - (state.length + 2) >= -128 ? Code.short : Code.near;
}

function writeTarget(state: State, size: number, label: MutableLabel): void {
  if (label.used < 0) label.used = state.length;
  const at = state.length;
  state.length += size;
  if (size === 1) state.bytes[at] = label.position - state.length;
  else if (label.position >= 0) writeInt32(state.bytes, at, label.position - state.length);
  else state.fixups.push({ label, at });
}

function list(state: State, start: number, text: string): void {
  state.lines?.push({ offset: start, length: state.length - start, text });
}

/** Read when asked for, since jumps forward get their displacements late. */
const bytesOf = (state: State, { offset, length }: Entry): Uint8Array => state.bytes.slice(offset, offset + length);

/** The method of one instruction: finds the form by the codes of its operands and writes it. */
function method(state: State, what: Instruction): (...operands: Argument[]) => void {
  const chosen = new Map<number, Choice>();
  const find = (key: number, operands: readonly Argument[]): Choice => {
    const codes = operands.map((operand) =>
      typeof operand === 'object' && 'owner' in operand ? labelCode(state, operand) : codeOf(operand),
    );
    const choice = choose(what, operands, codes, state.features);
    chosen.set(key, choice);
    for (const feature of choice.form.needs) state.needs.add(feature);
    return choice;
  };
  return (...operands) => {
    let key = 0;
    for (const operand of operands) {
      const code = codeOf(operand);
      key = (key << 6) | (code === Code.near ? labelCode(state, operand as Label) : code);
    }
    const { form, encode } = chosen.get(key) ?? find(key, operands);
    if (state.length + ROOM > state.bytes.length) grow(state);
    const start = state.length;
    state.length = encode(state.bytes, start, operands);
    if (form.labelBytes > 0) writeTarget(state, form.labelBytes, operands[form.slots.label] as MutableLabel);
    if (state.lines !== undefined) list(state, start, instructionText(form, operands));
  };
}

function resolve(state: State): Uint8Array {
  const unbound = new Set<MutableLabel>();
  for (const { label, at } of state.fixups) {
    if (label.position < 0) unbound.add(label);
    else writeInt32(state.bytes, at, label.position - (at + 4));
  }
  if (unbound.size > 0) {
    const names = [...unbound].map(({ name, used }) => `'${name}' (used at offset 0x${used.toString(16)})`);
    throw new AssemblerError(`labels never bound: ${names.join(', ')}`);
  }
  return state.bytes.slice(0, state.length);
}

function align(state: State, bytes: number): void {
  if (bytes < 1 || (bytes & (bytes - 1)) !== 0) throw new AssemblerError(`alignment ${bytes} is no power of two`);
  let gap = -state.length & (bytes - 1);
  while (gap > 0) {
    const nop = NOPS[Math.min(gap, NOPS.length) - 1]!;
    while (state.length + ROOM > state.bytes.length) grow(state);
    const start = state.length;
    state.bytes.set(nop, start);
    state.length += nop.length;
    gap -= nop.length;
    list(state, start, 'nop');
  }
}

function code(state: State): Code64 {
  let labels = 0;
  return {
    get offset() {
      return state.length;
    },
    label: (name = `L${labels}`) => {
      labels++;
      const label: MutableLabel = { code: Code.near, name, owner: state, position: -1, used: -1 };
      return label;
    },
    bind: (label) => {
      if (label.owner !== state) throw new AssemblerError(`label '${label.name}' belongs to another assembler`);
      if (label.position >= 0) throw new AssemblerError(`label '${label.name}' is bound already, at ${label.position}`);
      (label as MutableLabel).position = state.length;
    },
    offsetOf: (label) => {
      if (label.position < 0) throw new AssemblerError(`label '${label.name}' is not bound yet`);
      return label.position;
    },
    align: (bytes) => align(state, bytes),
    needs: () => state.needs,
    listing: () =>
      (state.lines ?? []).map((line) => ({ offset: line.offset, bytes: bytesOf(state, line), text: line.text })),
    finish: () => resolve(state),
  };
}

const states = new WeakMap<object, State>();
let shared: object | undefined;

/**
 * What all assemblers inherit: a getter for each instruction, which makes that instruction's method when it is first
 * asked for. A program uses a few dozen of the hundreds.
 */
function prototype(): object {
  shared ??= Object.defineProperties(
    {},
    Object.fromEntries(
      Object.entries(table as Table).map(([name, rows]) => {
        const what = instruction(name, rows);
        return [name, { get: ownMethod }];
        function ownMethod(this: object): unknown {
          const value = method(states.get(this)!, what);
          Object.defineProperty(this, name, { value, enumerable: true });
          return value;
        }
      }),
    ),
  );
  return shared;
}

/**
 * A new, empty program for x86-64 in 64-bit mode: a method for each instruction, operands in Intel's order.
 * Registers, memory and masks are made by the functions of registers.ts and memory.ts.
 */
export function assembler(options: AssemblerOptions = {}): Assembler {
  const state: State = {
    bytes: new Uint8Array(4096),
    length: 0,
    fixups: [],
    needs: new Set(),
    lines: options.listing === true ? [] : undefined,
    features: options.features === undefined ? undefined : withImplied(options.features),
  };
  const target: Code64 = Object.create(prototype(), Object.getOwnPropertyDescriptors(code(state)));
  states.set(target, state);
  return target as Assembler;
}
