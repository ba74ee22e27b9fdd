import {
  type Assembler,
  dword,
  eax,
  ecx,
  edx,
  k1,
  k2,
  k3,
  type Mem,
  ptr,
  qword,
  type R64,
  r12,
  r13,
  r14,
  r15,
  r32,
  rax,
  rbp,
  rbx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../../asm/x64/index.ts';
import { finish } from './epilogue.ts';
import { flippedBytes, flipSigns, growStack } from './flip.ts';
import { isHalf, type Layout, MOST_REST, scalars, vectorsOf } from './layout.ts';
import { mayOverflow, type Plan, type Walker } from './plan.ts';
import type { ConvSpec } from './spec.ts';
import { elements, type Target } from './target.ts';
import { accumulate, ROWS, type Tile } from './tile.ts';

/** Everything that the code of a step is made of. `constants`: where the packed weights begin. */
export type ConvCode = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly constants: number;
};

/** The stack's slots: byte offsets from rsp. */
const slot = {
  panelsLeft: 0,
  /** The chunk's register tiles: the first, the end of the tall ones, the end. */
  first: 8,
  tallEnd: 16,
  end: 24,
  /** Its first pixel: column and pointers, without the panel's offset. */
  column0: 32,
  input0: 40,
  output0: 48,
  summand0: 56,
  /** The current pixel; the pointers to the input and the output are in rbx and rdi. */
  column: 64,
  summand: 72,
  tile: 80,
  tapsLeft: 88,
  /** Pointers to the register tile's rows, where they don't follow from the first. */
  outputRows: 96,
  summandRows: 160,
  rowsLeft: 224,
  /** What is fetched next of the data of the next panel. */
  ahead: 232,
  rest: 240,
  bytes: 240 + 32 * MOST_REST,
} as const;

const SAVED: readonly R64[] = [rbx, rbp, r12, r13, r14, r15];

/**
 * void step(arena, constants, tile): for each panel of the tile's range, for each register tile of its chunk, sum up and
 * store. Register tiles have one code for each height and width of panel.
 */
export function emitConv(code: ConvCode): void {
  const { asm, layout, plan } = code;
  const scratch = flippedBytes(code);
  for (const register of SAVED) asm.push(register);
  growStack(asm, slot.bytes + scratch);
  locate(code);
  const panel = asm.label('panel');
  const next = asm.label('nextPanel');
  asm.bind(panel);
  beginPanel(code);
  const variants = layout.widths.map((width) => ({ width, label: asm.label(`width${width}`) }));
  variants.slice(1).forEach(({ label }, i) => {
    asm.cmp(dword(rsi, scalars.kind), i + 1);
    asm.je(label);
  });
  for (const { width, label } of variants) {
    asm.bind(label);
    loadMasks(code, width);
    tileLoop(code, width, plan.height, slot.tallEnd);
    if (plan.tall < plan.tiles) tileLoop(code, width, plan.height - 1, slot.end);
    if (width !== variants.at(-1)?.width) asm.jmp(next);
  }
  asm.bind(next);
  asm.add(rsi, layout.panelBytes);
  asm.dec(dword(rsp, slot.panelsLeft));
  asm.jnz(panel);
  asm.add(rsp, slot.bytes + scratch);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** eax = the low part of the quotient by `divisor`, edx = the remainder. Changes ecx. */
function divide(asm: Assembler, divisor: number): void {
  asm.xor(edx, edx);
  asm.mov(ecx, divisor);
  asm.div(ecx);
}

/** From the tile's number (rdx) to its panels, register tiles and first pixel; rsi becomes the first panel's address. */
function locate(code: ConvCode): void {
  const { asm, layout, plan, constants } = code;
  asm.mov(eax, edx);
  asm.xor(edx, edx);
  if (plan.ranges > 1) divide(asm, plan.ranges);
  // edx: range of panels. eax: picture · chunks + chunk.
  asm.imul(rbx, rdx, plan.panelsInRange);
  asm.mov(ecx, layout.panels.length);
  asm.sub(ecx, r32(rbx));
  asm.mov(r32(rbp), plan.panelsInRange);
  asm.cmp(ecx, r32(rbp));
  asm.cmova(ecx, r32(rbp));
  asm.mov(dword(rsp, slot.panelsLeft), ecx);
  asm.imul(rbx, rbx, layout.panelBytes);
  asm.lea(rsi, ptr(rsi, { index: rbx, disp: constants }));
  asm.xor(edx, edx);
  if (plan.chunks > 1) divide(asm, plan.chunks);
  asm.mov(r32(r15), eax);
  locateTiles(code);
  asm.xor(edx, edx);
  if (plan.rows > 1) divide(asm, plan.width);
  else asm.xchg(eax, edx);
  // eax: row, edx: column, r15: picture.
  asm.mov(dword(rsp, slot.column0), edx);
  const { input, output, summand } = plan.walkers;
  const pointers: readonly (readonly [Walker, number])[] = [
    [input, slot.input0],
    [output, slot.output0],
    ...(summand === undefined ? [] : ([[summand, slot.summand0]] as const)),
  ];
  for (const [walker, at] of pointers) {
    asm.lea(rbx, ptr(rdi, walker.base));
    asm.imul(rbp, rdx, walker.step);
    asm.add(rbx, rbp);
    if (plan.rows > 1) {
      asm.imul(rbp, rax, walker.row);
      asm.add(rbx, rbp);
    }
    if (plan.pictures > 1) {
      asm.imul(rbp, r15, walker.picture);
      asm.add(rbx, rbp);
    }
    asm.mov(qword(rsp, at), rbx);
  }
  if (flippedBytes(code) === 0) return;
  if (plan.rows > 1) {
    asm.imul(eax, eax, plan.width);
    asm.add(eax, edx);
  } else asm.mov(eax, edx);
  flipSigns(code, slot.bytes, slot.input0);
}

/** From the chunk (edx) to its register tiles (slots) and its first pixel (eax). */
function locateTiles({ asm, plan }: ConvCode): void {
  const [first, limit] = [edx, r32(rbp)];
  asm.imul(first, edx, plan.tilesInChunk);
  asm.mov(dword(rsp, slot.first), first);
  const end = r32(rbx);
  asm.lea(end, ptr(rdx, plan.tilesInChunk));
  for (const [most, at] of [
    [plan.tiles, slot.end],
    [plan.tall, slot.tallEnd],
  ] as const) {
    asm.mov(limit, most);
    asm.cmp(end, limit);
    asm.cmova(end, limit);
    asm.mov(dword(rsp, at), end);
  }
  asm.imul(eax, first, plan.height);
  if (plan.tall === plan.tiles) return;
  // Each register tile after the tall ones is a pixel less high.
  const skip = asm.label('tall');
  asm.sub(first, plan.tall);
  asm.jbe(skip);
  asm.sub(eax, first);
  asm.bind(skip);
}

/** Sets the current pixel to the chunk's first and adds the panel's offsets. */
function beginPanel({ asm, plan, layout }: ConvCode): void {
  asm.movsxd(rbx, dword(rsi, scalars.inOffset));
  asm.add(rbx, qword(rsp, slot.input0));
  asm.movsxd(rax, dword(rsi, scalars.outOffset));
  asm.mov(rdi, qword(rsp, slot.output0));
  asm.add(rdi, rax);
  if (plan.walkers.summand !== undefined) {
    asm.add(rax, qword(rsp, slot.summand0));
    asm.mov(qword(rsp, slot.summand), rax);
  }
  if (plan.rows > 1) {
    asm.mov(eax, dword(rsp, slot.column0));
    asm.mov(dword(rsp, slot.column), eax);
  }
  asm.mov(eax, dword(rsp, slot.first));
  asm.mov(dword(rsp, slot.tile), eax);
  asm.lea(rax, ptr(rsi, layout.panelBytes));
  asm.mov(qword(rsp, slot.ahead), rax);
}

/** k1 selects a panel's columns as bytes, k2 and k3 as elements of its first and second vector. */
function loadMasks({ asm, target }: ConvCode, width: number): void {
  if (target.bits !== 512 || width === 2 * elements(target) || width === elements(target)) return;
  const bits = 2 ** width - 1;
  for (const [mask, value] of [
    [k1, bits],
    [k2, bits & 0xffff],
    [k3, bits >>> 16],
  ] as const) {
    asm.mov(eax, value | 0);
    asm.kmovd(mask, eax);
  }
}

/** The register tiles up to the number in the slot `end`. */
function tileLoop(code: ConvCode, width: number, height: number, end: number): void {
  const { asm, spec, target, layout, plan } = code;
  const ahead = { tiles: plan.tilesInChunk, next: slot.ahead, rowsLeft: slot.rowsLeft };
  const vectors = vectorsOf(width, target);
  const isUnsigned = flippedBytes(code) > 0;
  const tile: Tile = {
    asm,
    spec,
    target,
    layout,
    height,
    vectors,
    isHalf: isHalf(width, target),
    isUnsigned,
    rest: slot.rest,
    ahead,
  };
  const [loop, done] = [asm.label('tile'), asm.label('tilesDone')];
  asm.mov(eax, dword(rsp, slot.tile));
  asm.cmp(eax, dword(rsp, end));
  asm.jae(done);
  asm.bind(loop);
  const rows = plan.rows > 1 ? walkRows(code, height) : countRows(code, height);
  accumulate(tile, slot.tapsLeft);
  rows.begin();
  finish({ tile, width, mayOverflow: mayOverflow(spec), output: rows.output, summand: rows.summand });
  rows.end();
  asm.mov(eax, dword(rsp, slot.tile));
  asm.inc(eax);
  asm.mov(dword(rsp, slot.tile), eax);
  asm.cmp(eax, dword(rsp, end));
  asm.jb(loop);
  asm.bind(done);
}

type Rows = {
  readonly begin: () => void;
  readonly output: (row: number) => Mem;
  readonly summand: (row: number) => Mem;
  readonly end: () => void;
};

/** The rows of a register tile where all pixels are equally far apart: at multiples of the steps. */
function countRows({ asm, plan }: ConvCode, height: number): Rows {
  const { input, output, summand } = plan.walkers;
  for (let row = 0; row < height; row++) asm.lea(ROWS[row]!, ptr(rbx, row * input.step));
  asm.add(rbx, height * input.step);
  if (summand !== undefined) {
    asm.mov(rbp, qword(rsp, slot.summand));
    for (let row = 0; row < height; row++) asm.prefetcht0(ptr(rbp, row * summand.step));
  }
  return {
    begin: () => {
      if (summand !== undefined) asm.mov(rbp, qword(rsp, slot.summand));
    },
    output: (row) => ptr(rdi, row * output.step),
    summand: (row) => ptr(rbp, row * (summand?.step ?? 0)),
    end: () => {
      asm.add(rdi, height * output.step);
      if (summand !== undefined) asm.add(qword(rsp, slot.summand), height * summand.step);
    },
  };
}

type Walked = readonly (readonly [R64, Walker])[];

/** Row `row` is where the pointers are: the input's goes to a register, the others to the stack. */
function rowsAt(asm: Assembler, walked: Walked, row: number): void {
  asm.mov(ROWS[row]!, walked[0]![0]);
  walked.slice(1).forEach(([pointer], i) => {
    asm.mov(qword(rsp, keptRows[i]! + 8 * row), pointer);
    if (i === 1) asm.prefetcht0(ptr(pointer));
  });
}

/** The slots of the output's and the summand's rows. */
const keptRows = [slot.outputRows, slot.summandRows];

/** The same for all rows of a register tile that ends before its line does; moves the pointers on. */
function rowsInLine(asm: Assembler, walked: Walked, height: number): void {
  const [[from, input], ...others] = [walked[0]!, ...walked.slice(1)];
  for (let row = 0; row < height; row++) asm.lea(ROWS[row]!, ptr(from, row * input.step));
  asm.add(from, height * input.step);
  others.forEach(([pointer, { step }], i) => {
    for (let row = 0; row < height; row++) {
      asm.mov(qword(rsp, keptRows[i]! + 8 * row), pointer);
      if (i === 1) asm.prefetcht0(ptr(pointer));
      asm.add(pointer, step);
    }
  });
}

/** The rows where a picture's line may end within the register tile: pixel by pixel, pointers kept on the stack. */
function walkRows({ asm, plan }: ConvCode, height: number): Rows {
  const { input, output, summand } = plan.walkers;
  const walked: Walked = [[rbx, input], [rdi, output], ...(summand === undefined ? [] : ([[rbp, summand]] as const))];
  asm.mov(ecx, dword(rsp, slot.column));
  if (summand !== undefined) asm.mov(rbp, qword(rsp, slot.summand));
  const [across, done] = [asm.label('acrossLines'), asm.label('rowsDone')];
  if (plan.width > height) {
    asm.cmp(ecx, plan.width - height);
    asm.jae(across);
    rowsInLine(asm, walked, height);
    asm.add(ecx, height);
    asm.jmp(done);
  }
  asm.bind(across);
  for (let row = 0; row < height; row++) {
    rowsAt(asm, walked, row);
    const inLine = asm.label('inLine');
    for (const [pointer, walker] of walked) asm.add(pointer, walker.step);
    asm.inc(ecx);
    asm.cmp(ecx, plan.width);
    asm.jne(inLine);
    asm.xor(ecx, ecx);
    for (const [pointer, walker] of walked) {
      const jump = walker.row - plan.width * walker.step;
      if (jump !== 0) asm.add(pointer, jump);
    }
    asm.bind(inLine);
  }
  asm.bind(done);
  asm.mov(dword(rsp, slot.column), ecx);
  if (summand !== undefined) asm.mov(qword(rsp, slot.summand), rbp);
  const at = (register: R64, rows: number, row: number): Mem => {
    asm.mov(register, qword(rsp, rows + 8 * row));
    return ptr(register);
  };
  return {
    begin: () => {},
    output: (row) => at(rax, slot.outputRows, row),
    summand: (row) => at(rbp, slot.summandRows, row),
    end: () => {},
  };
}
