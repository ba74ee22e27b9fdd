import {
  type Assembler,
  assembler,
  eax,
  ecx,
  edi,
  edx,
  type Label,
  ptr,
  qword,
  r8q,
  r12,
  r12d,
  r13,
  r13d,
  r14,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rsi,
  rsp,
} from '../../../asm/x64/index.ts';
import type { Arena, ArenaAllocator } from './arena.ts';
import type { CodeAllocator, CodeBlock } from './code.ts';
import type { ThreadFunctions } from './memory.ts';

/**
 * Helper threads that wait between runs: starting one for each run takes 20 to 80 µs, reaching one that looks for a job 1
 * to 2, one that sleeps 10 to 40. A run posts its job to helpers that are free, works itself, and takes back what no
 * helper has begun, so that it never waits for one that gets no processor. A helper without a job looks for one for some
 * microseconds, then sleeps on a futex, and ends after some seconds: an idle process has no threads of ours, nor is
 * anything left of a worker that was terminated.
 */
export type Crew = {
  /** Address of the cells, and how many there are. */
  readonly address: number;
  readonly cells: number;
  /** Makes sure, as far as the system gives threads, that `helpers` are free. */
  ready(helpers: number): void;
};

/** What a helper and the runs share, by byte: 128 of them, so that no two helpers share lines. */
export const cellLayout = { state: 0, timeout: 8, bytes: 128 } as const;
/** `state`; everything else is the address of a posted job. */
export const cellState = { awake: 0, asleep: 1, busy: 2, none: 3 } as const;
/** A job, on the stack of the run that posts it. `pending`: helpers that have it and have not finished. */
const jobLayout = { target: 0, ctx: 8, pending: 16 } as const;

/**
 * Looks before sleeping; `pause` takes 40 to 140 cycles, so 0.1 to 0.5 ms: what lies between two runs of a small network,
 * whose inputs are copied meanwhile. A helper that sleeps comes 10 to 40 µs late, or on the caller's own processor.
 */
const LOOKS = 12_000;
const END_AFTER_SECONDS = 5;

/** linux/futex.h and the system call's number on x86-64. */
export const FUTEX = { call: 202, waitPrivate: 128, wakePrivate: 129 } as const;

/** Calls futex(rbx, operation, value, the cell's timeout). */
function emitFutex(a: Assembler, syscall: number, operation: number, value: number): void {
  a.mov(edi, FUTEX.call);
  a.mov(rsi, rbx);
  a.mov(edx, operation);
  a.mov(ecx, value);
  a.lea(r8q, ptr(rbx, cellLayout.timeout));
  a.mov(rax, BigInt(syscall));
  a.call(rax);
}

/** `void *helper(cell)`: looks for jobs, sleeps, and returns when it has slept long enough. */
function helperCode({ syscall }: ThreadFunctions): Uint8Array {
  const a = assembler();
  const [fresh, look, sleep, accept, end] = ['fresh', 'look', 'sleep', 'accept', 'end'].map((name) => a.label(name));
  a.push(rbx);
  a.push(r12);
  a.push(r13);
  a.mov(rbx, rdi);

  a.bind(fresh!);
  a.mov(r12d, LOOKS);
  a.bind(look!);
  a.mov(rax, qword(rbx, cellLayout.state));
  a.cmp(rax, cellState.none);
  a.ja(accept!);
  a.pause();
  a.dec(r12d);
  a.jne(look!);
  emitSwap(a, cellState.awake, cellState.asleep);
  a.jne(fresh!);

  a.bind(sleep!);
  emitFutex(a, syscall, FUTEX.waitPrivate, cellState.asleep);
  // Still asleep: the time is over (or a signal came, which is rare and only costs the next run a new thread).
  emitSwap(a, cellState.asleep, cellState.none);
  a.jne(fresh!);
  a.jmp(end!);

  a.bind(accept!);
  a.mov(r13, rax);
  a.mov(ecx, cellState.busy);
  a.lock_cmpxchg(qword(rbx, cellLayout.state), rcx);
  a.jne(fresh!);
  a.mov(rdi, qword(r13, jobLayout.ctx));
  a.call(qword(r13, jobLayout.target));
  // First free, then finished: the next run of the same caller finds it.
  a.mov(qword(rbx, cellLayout.state), cellState.awake);
  a.lock_dec(qword(r13, jobLayout.pending));
  a.jmp(fresh!);

  a.bind(end!);
  a.xor(eax, eax);
  a.pop(r13);
  a.pop(r12);
  a.pop(rbx);
  a.ret();
  return a.finish();
}

/** Sets the state of the cell at rbx to `next` if it is `current`; flags as of cmpxchg. */
function emitSwap(a: Assembler, current: number, next: number): void {
  a.mov(eax, current);
  a.mov(ecx, next);
  a.lock_cmpxchg(qword(rbx, cellLayout.state), rcx);
}

/**
 * `i64 team(ctx, others)`: runs `target(ctx)` here and on up to `others` helpers; gives on how many threads. Waits for
 * helpers that have begun, and for no others, so runs can't wait for each other.
 */
export function crewTeamCode(
  target: number,
  crew: Pick<Crew, 'address' | 'cells'>,
  functions: ThreadFunctions,
): Uint8Array {
  const a = assembler();
  const { state } = cellLayout;
  const [work, wait, done] = [a.label('work'), a.label('wait'), a.label('done')];
  for (const register of saved) a.push(register);
  // The job; with the return address and five pushes it leaves rsp a multiple of 16.
  a.sub(rsp, 32);
  a.mov(rax, BigInt(target));
  a.mov(qword(rsp, jobLayout.target), rax);
  a.mov(qword(rsp, jobLayout.ctx), rdi);
  a.mov(qword(rsp, jobLayout.pending), 0);
  a.mov(r14, rsi); // helpers wanted
  a.mov(r12d, 1); // threads that took part

  a.mov(rbp, BigInt(crew.address + crew.cells * cellLayout.bytes));
  emitForCells(a, crew, (next) => {
    a.test(r14, r14);
    a.je(work);
    a.mov(rax, qword(rbx, state));
    a.cmp(rax, cellState.asleep);
    a.ja(next);
    a.mov(r13, rax);
    a.lock_inc(qword(rsp, jobLayout.pending));
    a.mov(rcx, rsp);
    a.lock_cmpxchg(qword(rbx, state), rcx);
    const posted = a.label('posted');
    a.je(posted);
    a.lock_dec(qword(rsp, jobLayout.pending));
    a.jmp(next);
    a.bind(posted);
    a.dec(r14);
    a.inc(r12);
    a.test(r13, r13);
    a.je(next);
    emitFutex(a, functions.syscall, FUTEX.wakePrivate, 1);
  });

  a.bind(work);
  a.mov(rbp, rbx); // behind the last cell with this job
  a.mov(rdi, qword(rsp, jobLayout.ctx));
  a.call(qword(rsp, jobLayout.target));
  emitForCells(a, crew, (next) => {
    // Only this run posts this address, and only a helper that has not begun leaves it in the cell.
    a.mov(rax, rsp);
    a.xor(ecx, ecx); // awake: a helper that was woken finds nothing and looks on
    a.lock_cmpxchg(qword(rbx, state), rcx);
    a.jne(next);
    a.lock_dec(qword(rsp, jobLayout.pending));
    a.dec(r12);
  });
  a.mov(r13d, LOOKS);
  a.bind(wait);
  a.cmp(qword(rsp, jobLayout.pending), 0);
  a.je(done);
  a.pause();
  a.dec(r13d);
  a.jne(wait);
  a.mov(rax, BigInt(functions.yield));
  a.call(rax);
  a.mov(r13d, 1);
  a.jmp(wait);

  a.bind(done);
  a.mov(rax, r12);
  a.add(rsp, 32);
  for (const register of saved.toReversed()) a.pop(register);
  a.ret();
  return a.finish();
}

const saved = [rbx, rbp, r12, r13, r14] as const;

/** `body` for each cell before rbp, its address in rbx. */
function emitForCells(a: Assembler, { address }: Pick<Crew, 'address'>, body: (next: Label) => void): void {
  const [top, next, end] = [a.label('cell'), a.label('next'), a.label('end')];
  a.mov(rbx, BigInt(address));
  a.bind(top);
  a.cmp(rbx, rbp);
  a.jae(end);
  body(next);
  a.bind(next);
  a.add(rbx, cellLayout.bytes);
  a.jmp(top);
  a.bind(end);
}

/** Never unmapped: a helper may be looking, whatever became of the sessions. */
const mapped = new Set<Arena | CodeBlock>();

/** The crew of a host: no thread is started before `ready`. */
export function openCrew(arena: ArenaAllocator, code: CodeAllocator, functions: ThreadFunctions, cells: number): Crew {
  const memory = arena(cells * cellLayout.bytes);
  const helper = code(helperCode(functions));
  mapped.add(memory).add(helper);
  const words = memory.view(Uint32Array);
  const wordsPerCell = cellLayout.bytes / 4;
  for (let cell = 0; cell < cells; cell++) {
    words[cell * wordsPerCell] = cellState.none;
    words[cell * wordsPerCell + cellLayout.timeout / 4] = END_AFTER_SECONDS;
  }
  return {
    address: memory.address,
    cells,
    ready: (helpers) => {
      let free = 0;
      for (let cell = 0; cell < cells && free < helpers; cell++) {
        const at = cell * wordsPerCell;
        if (words[at] === cellState.none) {
          words[at] = cellState.awake;
          if (!functions.start(helper.address, memory.address + cell * cellLayout.bytes)) {
            words[at] = cellState.none;
            return;
          }
        }
        if (words[at]! <= cellState.asleep) free++;
      }
    },
  };
}
