import { invariant } from '../../../base/errors.ts';
import type { CodeAllocator, NativeFunction } from './code.ts';
import { type Crew, crewTeamCode } from './crew.ts';
import type { ThreadFunctions } from './memory.ts';
import type { Slots } from './slots.ts';

/**
 * Several threads in one function: each calls `f(ctx)` once, and the call returns when all have. The system may start
 * fewer than asked, even only the caller's own, so `f` must finish the work with any number: claim parts from a counter.
 * The memory behind `ctx` must stay until the call has returned or its promise has settled; the code is held by the call.
 */
export type Team = Disposable & {
  readonly threads: number;
  /** On this thread and up to `threads - 1` helpers (none where there is no futex). Blocks; gives how many took part. */
  run(ctx: number): number;
  /** The same on a thread of libuv's pool in place of this one; without helpers, on what is free of the pool. */
  runAsync(ctx: number): Promise<number>;
  release(): void;
};

export type TeamMaker = (f: NativeFunction<'void(ctx)'>, threads: number) => Team;

const onPool = (f: NativeFunction<'void(ctx)'>, ctx: number, count: number): Promise<unknown>[] =>
  Array.from({ length: count }, () => f.async(ctx));

/** Waits for every call, also when one is refused: until then they use the caller's memory. */
async function allReturned(calls: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(calls);
  await Promise.all(calls);
}

/** `crew` makes it when first asked for. */
export type Helpers = { readonly functions: ThreadFunctions; readonly crew: () => Crew };

/** One pool thread a run, whatever the processors: libuv's pool has 4 threads unless the user sets more. */
const withHelpers =
  (code: CodeAllocator, slots: Slots, helpers: Helpers): TeamMaker =>
  (f, wanted) => {
    const crew = helpers.crew();
    const threads = Math.min(wanted, crew.cells + 1);
    const block = code(crewTeamCode(f.address, crew, helpers.functions));
    const call = block.bind('i64(ctx, arg)');
    return {
      threads,
      run: (ctx) => {
        using _held = f.code.hold();
        crew.ready(threads - 1);
        return call(ctx, threads - 1);
      },
      runAsync: async (ctx) => {
        using _held = f.code.hold();
        using _lease = await slots.take(1);
        crew.ready(threads - 1);
        return await call.async(ctx, threads - 1);
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

/** Teams with a crew's helpers where there is one, else of libuv's pool. */
export function teamMaker(code: CodeAllocator, slots: Slots, helpers: Helpers | undefined): TeamMaker {
  const make = helpers === undefined ? poolThreads(slots) : withHelpers(code, slots, helpers);
  return (f, threads) => {
    invariant(Number.isInteger(threads) && threads >= 1, `a team of ${threads} threads was asked for`);
    return make(f, threads);
  };
}
