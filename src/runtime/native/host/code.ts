import { InternalError, invariant } from '../../../base/errors.ts';
import type { Ffi, FfiFunction } from './ffi.ts';
import type { MapForGood, VirtualMemory } from './memory.ts';
import { mapRegion, type Region, type Usage, unmapRegion } from './region.ts';
import { win64Thunk } from './stubs.ts';

/** The System V signatures generated code can have. Addresses and 64-bit integers are numbers (exact up to 2^53). */
export type Signatures = {
  'void()': () => void;
  'void(ctx)': (ctx: number) => void;
  'i64(ctx, arg)': (ctx: number, arg: number) => number;
};
export type Signature = keyof Signatures;

const prototypes: { readonly [S in Signature]: { readonly result: string; readonly arity: 0 | 1 | 2 } } = {
  'void()': { result: 'void', arity: 0 },
  'void(ctx)': { result: 'void', arity: 1 },
  'i64(ctx, arg)': { result: 'int64_t', arity: 2 },
};

/** Generated code as a function: called directly it blocks this thread; `async` runs it on a thread of libuv's pool. */
export type NativeFunction<S extends Signature> = Signatures[S] & {
  readonly address: number;
  /** Keeps the code mapped while the function is in use. */
  readonly code: CodeBlock;
  readonly async: (...args: Parameters<Signatures[S]>) => Promise<ReturnType<Signatures[S]>>;
};

/**
 * Machine code in pages of its own, readable and executable, never writable. Constants do not belong in it: they go into
 * an arena. Whoever keeps only addresses must keep the block too (an unreachable block is unmapped by the collector).
 */
export type CodeBlock = Disposable & {
  readonly address: number;
  readonly bytes: number;
  readonly released: boolean;
  /** The function at byte `offset`. About 10 µs: bind once, call often. */
  bind<S extends Signature>(signature: S, offset?: number): NativeFunction<S>;
  /** Keeps the block mapped until what it gives is disposed of, even when the block is released meanwhile. */
  hold(): Disposable;
  /** Unmaps, at once or when nothing holds the block any more: every `async` call does until it has returned. Calls from now on throw. Idempotent. */
  release(): void;
};

type Raw = {
  readonly sync: (...args: number[]) => unknown;
  readonly async: (done: (error: unknown, result: unknown) => void, ...args: number[]) => void;
};
/** Makes System V code at an address callable from JavaScript, whatever the platform's own convention is. */
export type Enter = (address: number, signature: Signature) => Raw;

const directEntry = (ffi: Ffi): Enter => {
  const types = new Map(
    Object.entries(prototypes).map(([name, { result, arity }]) => [
      name,
      ffi.proto(result, Array<string>(arity).fill('uintptr_t')),
    ]),
  );
  return (address, signature) => {
    const call: FfiFunction = ffi.decode(address, types.get(signature)!);
    return { sync: call, async: (done, ...args) => call.async(...args, done) };
  };
};

/** On Windows every call goes through one thunk that takes the target as its third argument. */
const thunkEntry = (ffi: Ffi, thunk: number): Enter => {
  const parameters = ['uintptr_t', 'uintptr_t', 'uintptr_t'];
  const enter = (result: string) => ffi.decode(thunk, ffi.proto(result, parameters));
  const calls = new Map(['void', 'int64_t'].map((result) => [result, enter(result)]));
  return (address, signature) => {
    const call = calls.get(prototypes[signature].result)!;
    return {
      sync: (ctx = 0, arg = 0) => call(ctx, arg, address),
      async: (done, ctx = 0, arg = 0) => call.async(ctx, arg, address, done),
    };
  };
};

/** Filler behind the code: int3, so that a stray jump stops. */
const INT3 = 0xcc;

function mapCode(memory: VirtualMemory, usage: Usage, code: Uint8Array): Region {
  const region = mapRegion(memory, usage, code.length, false);
  try {
    const padded = new Uint8Array(region.bytes).fill(INT3);
    padded.set(code);
    memory.write(region.start, padded);
    memory.protect(region.start, region.bytes, 'read-execute');
    memory.flushInstructions(region.start, region.bytes);
  } catch (error) {
    unmapRegion(memory, usage, region);
    throw error;
  }
  return region;
}

/** For code that stays for the life of the process, and so is not counted as in use. */
export const mapperForGood =
  (memory: VirtualMemory): MapForGood =>
  (code) =>
    mapCode(memory, { regions: 0, bytes: 0 }, code).start;

/** The entry for this platform; on Windows it maps the thunk. */
export const createEntry = (ffi: Ffi, memory: VirtualMemory): Enter =>
  memory.convention === 'sysv' ? directEntry(ffi) : thunkEntry(ffi, mapperForGood(memory)(win64Thunk));

export type CodeAllocator = (code: Uint8Array) => CodeBlock;

/** Makes the host's code allocator; `usage` is kept up to date. */
export function codeAllocator(memory: VirtualMemory, usage: Usage, enter: Enter): CodeAllocator {
  const abandoned = new FinalizationRegistry<Region>((region) => unmapRegion(memory, usage, region));
  // Strong references: a block with a call in flight is not collected.
  const held = new Map<CodeBlock, number>();

  return (code) => {
    const region = mapCode(memory, usage, code);
    let released = false;
    const unmap = (): void => {
      abandoned.unregister(region);
      unmapRegion(memory, usage, region);
    };
    const check = (): void => {
      if (released) throw new InternalError('generated code was called after its release');
    };
    const drop = (): void => {
      const left = held.get(block)! - 1;
      if (left > 0) {
        held.set(block, left);
        return;
      }
      held.delete(block);
      if (released) unmap();
    };

    const block: CodeBlock = {
      address: region.start,
      bytes: code.length,
      get released() {
        return released;
      },
      bind: (signature, offset = 0) => {
        check();
        invariant(offset >= 0 && offset < code.length, `entry ${offset} of ${code.length} bytes of code`);
        const address = region.start + offset;
        return wrap(signature, address, enter(address, signature), { check, block });
      },
      hold: () => {
        check();
        held.set(block, (held.get(block) ?? 0) + 1);
        return { [Symbol.dispose]: drop };
      },
      release: () => {
        if (released) return;
        released = true;
        if (!held.has(block)) unmap();
      },
      [Symbol.dispose]: () => block.release(),
    };
    abandoned.register(block, region, region);
    return block;
  };
}

type Life = {
  readonly check: () => void;
  readonly block: CodeBlock;
};

/** Arguments are passed one by one: a rest parameter costs as much as the call itself. */
function wrap<S extends Signature>(signature: S, address: number, raw: Raw, life: Life): NativeFunction<S> {
  const { check, block } = life;
  const { sync } = raw;
  const wrappers: Signatures = {
    'void()': () => {
      check();
      sync();
    },
    'void(ctx)': (ctx) => {
      check();
      sync(ctx);
    },
    // koffi gives integers beyond 2^53 as bigint.
    'i64(ctx, arg)': (ctx, arg) => {
      check();
      return Number(sync(ctx, arg));
    },
  };
  const isVoid = prototypes[signature].result === 'void';
  const async = (...args: number[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const held = block.hold();
      const done = (error: unknown, result: unknown): void => {
        held[Symbol.dispose]();
        if (error) reject(error);
        else resolve(isVoid ? undefined : Number(result));
      };
      try {
        raw.async(done, ...args);
      } catch (error) {
        done(error, undefined);
      }
    });
  return Object.assign(wrappers[signature], { address, async, code: block }) as unknown as NativeFunction<S>;
}
