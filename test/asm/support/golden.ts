/** What scripts/record-asm.ts records and the tests compare. */
import { fileURLToPath } from 'node:url';
import { assembler, type Label, rax } from '../../../src/asm/x64/index.ts';
import { emit, type Instance, instances, normalise } from './instances.ts';
import { disassemble } from './objdump.ts';

export const SEED = 20260;
export const INSTANCES_PER_FORM = 5;
export const GOLDEN = fileURLToPath(new URL('../x64.golden.txt', import.meta.url));

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const recordedInstances = (): Instance[] => instances(SEED, INSTANCES_PER_FORM);

export const JUMPS = 'jmp jo jno jb jae je jne jbe ja js jns jp jnp jl jge jle jg jc jnc jz jnz'.split(' ');

export interface Program {
  /** Text of each instruction, with the target's offset instead of the label's name. */
  readonly lines: readonly { readonly bytes: Uint8Array; readonly text: string }[];
}

/** Every jump: forward, to a label near behind, and to one far behind; then calls and alignment. */
export function jumpProgram(): Program {
  const asm = assembler({ listing: true });
  const methods = asm as unknown as Record<string, (label: Label) => void>;
  const labels: Label[] = [];
  const label = (): Label => {
    labels.push(asm.label(`<${labels.length}>`));
    return labels.at(-1)!;
  };
  for (const jump of JUMPS) {
    const [far, near, forward] = [label(), label(), label()];
    asm.bind(far);
    methods[jump]!(forward);
    for (let i = 0; i < 13; i++) asm.mov(rax, 0x123456789abcdefn);
    asm.bind(near);
    asm.ud2();
    methods[jump]!(near);
    methods[jump]!(far);
    asm.bind(forward);
    asm.call(forward);
  }
  for (const to of [1, 2, 4, 8, 16, 32, 64]) {
    asm.ret();
    asm.align(to);
  }
  asm.finish();
  const target = (_: string, n: string): string => `0x${asm.offsetOf(labels[Number(n)]!).toString(16)}`;
  const lines = asm.listing().map(({ bytes, text }) => ({
    bytes,
    text: normalise(text.replace(/<(\d+)>/, target)),
  }));
  return { lines };
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Pairs of the bytes and objdump's text of every instruction; '' where objdump sees no instruction begin. */
export function objdumpLines(parts: readonly Uint8Array[]): string[] {
  const texts = disassemble(concatenate(parts));
  let offset = 0;
  return parts.map((bytes) => {
    const text = texts.get(offset) ?? '';
    offset += bytes.length;
    return `${hex(bytes)}\t${normalise(text)}`;
  });
}

/** The lines of the golden file for what the assembler emits now. */
export function record(): string[] {
  const single = recordedInstances().map((instance) => emit(instance).bytes);
  return [...objdumpLines(single), ...objdumpLines(jumpProgram().lines.map((line) => line.bytes))];
}
