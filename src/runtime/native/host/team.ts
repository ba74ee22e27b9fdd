import {
  assembler,
  eax,
  esi,
  ptr,
  qword,
  r12,
  r13,
  r14,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../../asm/x64/index.ts';
import { invariant } from '../../../base/errors.ts';
import type { CodeAllocator, NativeFunction } from './code.ts';
import type { ThreadFunctions } from './memory.ts';
import type { Slots } from './slots.ts';

/**
 * Several threads in one function: each calls `f(ctx)` once, and the call returns when all have. The system may start
 * fewer than asked, even only the caller's own, so `f` must finish the work with any number: claim parts from a counter.
 * The memory behind `ctx` must stay until the call has returned or its promise has settled; the code is held by the call.
 */
export type Team = Disposable & {
  readonly threads: number;
  /** On this thread and `threads - 1` others. Blocks; gives how many took part. */
  run(ctx: number): number;
  /** On what is free of libuv's pool (`slots`), the rest on threads of their own. Gives how many took part. */
  runAsync(ctx: number): Promise<number>;
  release(): void;
};

export type TeamMaker = (f: NativeFunction<'void(ctx)'>, threads: number) => Team;

/**
 * `i64 team(ctx, others)`: starts up to `others` (at most `threads - 1`) threads, works itself, waits for them. So one pool
 * thread can serve a run on any number of processors (libuv's pool has 4 threads unless the user sets more), and blocking
 * runs get threads too.
 */
export function teamCode(target: number, threads: number, { create, join }: ThreadFunctions): Uint8Array {
  const a = assembler();
  // Room for the handles; with the return address and four pushes it leaves rsp a multiple of 16.
  const handles = Math.ceil((threads - 1) / 2) * 16 + 8;
  const [start, work, wait, done] = [a.label('start'), a.label('work'), a.label('wait'), a.label('done')];
  a.push(rbx);
  a.push(r12);
  a.push(r13);
  a.push(r14);
  a.sub(rsp, handles);
  a.mov(r12, rdi);
  a.mov(r14, rsi);
  a.xor(eax, eax);
  a.mov(rbx, rax); // threads started

  a.bind(start);
  a.cmp(rbx, r14);
  a.jae(work);
  a.lea(rdi, ptr(rsp, { index: rbx, scale: 8 }));
  a.xor(esi, esi);
  a.mov(rdx, BigInt(target));
  a.mov(rcx, r12);
  a.mov(rax, BigInt(create));
  a.call(rax);
  a.test(eax, eax);
  a.jne(work);
  a.inc(rbx);
  a.jmp(start);

  a.bind(work);
  a.mov(r13, rbx);
  a.mov(rdi, r12);
  a.mov(rax, BigInt(target));
  a.call(rax);

  a.bind(wait);
  a.test(rbx, rbx);
  a.je(done);
  a.dec(rbx);
  a.mov(rdi, qword(rsp, { index: rbx, scale: 8 }));
  a.xor(esi, esi);
  a.mov(rax, BigInt(join));
  a.call(rax);
  a.jmp(wait);

  a.bind(done);
  a.lea(rax, ptr(r13, 1));
  a.add(rsp, handles);
  a.pop(r14);
  a.pop(r13);
  a.pop(r12);
  a.pop(rbx);
  a.ret();
  return a.finish();
}

/** Handles lie on the stack: koffi gives asynchronous calls 128 KiB of it. */
const MAX_THREADS = 1024;

const onPool = (f: NativeFunction<'void(ctx)'>, ctx: number, count: number): Promise<unknown>[] =>
  Array.from({ length: count }, () => f.async(ctx));

/** Waits for every call, also when one is refused: until then they use the caller's memory. */
async function allReturned(calls: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(calls);
  await Promise.all(calls);
}

const ownThreads =
  (code: CodeAllocator, slots: Slots, functions: ThreadFunctions): TeamMaker =>
  (f, threads) => {
    const size = Math.min(threads, MAX_THREADS);
    const block = code(teamCode(f.address, size, functions));
    const call = block.bind('i64(ctx, arg)');
    return {
      threads: size,
      run: (ctx) => {
        using _held = f.code.hold();
        return call(ctx, size - 1);
      },
      runAsync: async (ctx) => {
        using _held = f.code.hold();
        // A pool thread wakes sooner than a new one starts (measured: 50 µs against 95 for two).
        using lease = await slots.take(size);
        const own = call.async(ctx, size - lease.count);
        await allReturned([own, ...onPool(f, ctx, lease.count - 1)]);
        return (await own) + lease.count - 1;
      },
      release: () => block.release(),
      [Symbol.dispose]: () => block.release(),
    };
  };

const poolThreads =
  (slots: Slots): TeamMaker =>
  (f, threads) => ({
    threads,
    run: (ctx) => {
      f(ctx);
      return 1;
    },
    runAsync: async (ctx) => {
      using lease = await slots.take(threads);
      await allReturned(onPool(f, ctx, lease.count));
      return lease.count;
    },
    release: () => {},
    [Symbol.dispose]: () => {},
  });

/** Teams of threads of their own where the system's thread functions are known, else of libuv's pool. */
export function teamMaker(code: CodeAllocator, slots: Slots, functions: ThreadFunctions | undefined): TeamMaker {
  const make = functions === undefined ? poolThreads(slots) : ownThreads(code, slots, functions);
  return (f, threads) => {
    invariant(Number.isInteger(threads) && threads >= 1, `a team of ${threads} threads was asked for`);
    return make(f, threads);
  };
}
