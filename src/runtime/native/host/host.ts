import { messageOf, UserError } from '../../../base/errors.ts';
import { type ArenaAllocator, arenaAllocator } from './arena.ts';
import { type CodeAllocator, codeAllocator, createEntry, type Enter, mapperForGood } from './code.ts';
import { type Cpu, type CpuQueries, describeCpu } from './cpu.ts';
import { type Crew, openCrew } from './crew.ts';
import { type Ffi, loadFfi, type Unavailable } from './ffi.ts';
import { type Isa, selectIsa, supportedIsas } from './isa.ts';
import type { ThreadFunctions, VirtualMemory } from './memory.ts';
import { darwin, linux, posixMemory } from './posix.ts';
import type { Usage } from './region.ts';
import { createSlots, type Slots } from './slots.ts';
import { cpuidStub, PROBE_RESULT, probeStub, xgetbvStub } from './stubs.ts';
import { type TeamMaker, teamMaker } from './team.ts';
import { availableThreads, maxAsync } from './threads.ts';
import { windowsMemory } from './windows.ts';

/** What octet needs of the machine to run generated code. One a process (or worker): `openHost`. */
export type Host = {
  readonly pageSize: number;
  readonly cpu: Cpu;
  /** The ISAs this machine can run, best first; never empty. */
  readonly isas: readonly Isa[];
  /** The ISA to generate code for; `requested` defaults to OCTET_ISA. Throws `UserError` when the machine lacks it. */
  isa(requested?: string): Isa;
  /** Zeroed memory between guard pages. Throws `UserError` when the system has none left. */
  readonly arena: ArenaAllocator;
  /** System V machine code in executable pages; it runs wherever it comes to lie (no absolute jumps into itself). */
  readonly code: CodeAllocator;
  /** Threads that can run at once: affinity and the container's limit. */
  readonly threads: number;
  /** How many `async` calls may be under way at once, so that other users of libuv's pool get on. */
  readonly maxAsync: number;
  /** `maxAsync` shared out among runs. */
  readonly slots: Slots;
  /** Makes a function run on several threads at once. */
  readonly team: TeamMaker;
  /** Address of `void f()` that lets other threads have the processor; 0 where there is none. */
  readonly yieldAddress: number;
  /** What is mapped now. */
  readonly usage: Readonly<Usage>;
};

const systems: { readonly [platform: string]: (ffi: Ffi) => VirtualMemory } = {
  linux: (ffi) => posixMemory(ffi, linux),
  darwin: (ffi) => posixMemory(ffi, darwin),
  win32: windowsMemory,
};

export type HostSources = {
  readonly platform: string;
  readonly arch: string;
  readonly loadFfi: () => Promise<Ffi | Unavailable>;
};

/** `void f(uint32 *)` stubs around cpuid and xgetbv. */
function cpuQueries(arena: ArenaAllocator, code: CodeAllocator): CpuQueries & Disposable {
  const registers = arena(16);
  const words = registers.view(Uint32Array);
  const cpuidCode = code(cpuidStub());
  const xgetbvCode = code(xgetbvStub());
  const cpuid = cpuidCode.bind('void(ctx)');
  const xgetbv = xgetbvCode.bind('void(ctx)');
  return {
    cpuid: (leaf, subleaf) => {
      words.set([leaf, subleaf]);
      cpuid(registers.address);
      return [words[0]!, words[1]!, words[2]!, words[3]!];
    },
    xcr0: () => {
      xgetbv(registers.address);
      return words[0]!;
    },
    [Symbol.dispose]: () => {
      for (const resource of [registers, cpuidCode, xgetbvCode]) resource.release();
    },
  };
}

/** Runs one generated function: throws where executable memory is refused. */
function probe(code: CodeAllocator): void {
  const block = code(probeStub());
  const result = block.bind('i64(ctx, arg)')(0, 0);
  block.release();
  if (result !== PROBE_RESULT) throw new Error(`a generated function returned ${result}`);
}

/** The most helpers that runs can have at once. */
const HELPERS = 255;

/** The crew, made when first asked for. It stays for the life of the process, so what is mapped now does not count it. */
function crewMaker(ffi: Ffi, memory: VirtualMemory, enter: Enter, functions: ThreadFunctions): () => Crew {
  const open = (): Crew => {
    const uncounted: Usage = { regions: 0, bytes: 0 };
    const code = codeAllocator(memory, uncounted, enter);
    return openCrew(arenaAllocator(ffi, memory, uncounted), code, functions, HELPERS);
  };
  let crew: Crew | undefined;
  return () => {
    crew ??= open();
    return crew;
  };
}

function openWith(ffi: Ffi, memory: VirtualMemory): Host | Unavailable {
  const usage: Usage = { regions: 0, bytes: 0 };
  const arena = arenaAllocator(ffi, memory, usage);
  const enter = createEntry(ffi, memory);
  const code = codeAllocator(memory, usage, enter);
  probe(code);
  const queries = cpuQueries(arena, code);
  const cpu = describeCpu(queries, memory.enablesAvx512Lazily());
  queries[Symbol.dispose]();
  const slots = createSlots(() => maxAsync());
  const functions = memory.threadFunctions?.(mapperForGood(memory));
  const isas = supportedIsas(cpu.features);
  const best = isas[0];
  if (best === undefined) {
    return {
      unavailable: `${cpu.brand} has no AVX2 and FMA (or the system does not enable them); use another backend`,
    };
  }
  return {
    pageSize: memory.pageSize,
    cpu,
    isas,
    isa: (requested) => selectIsa(isas, requested) ?? best,
    arena,
    code,
    get threads() {
      return availableThreads();
    },
    get maxAsync() {
      return maxAsync();
    },
    slots,
    team: teamMaker(code, slots, functions && { functions, crew: crewMaker(ffi, memory, enter, functions) }),
    yieldAddress: functions?.yield ?? 0,
    usage,
  };
}

/** `openHost` with everything given, for tests; opens anew each time. */
export async function openHostFrom({ platform, arch, loadFfi }: HostSources): Promise<Host | Unavailable> {
  const memoryOf = Object.hasOwn(systems, platform) ? systems[platform] : undefined;
  if (arch !== 'x64' || memoryOf === undefined) {
    const known = 'x86-64 on Linux, macOS or Windows';
    return { unavailable: `native code needs ${known}, this is ${arch} on ${platform}; use another backend` };
  }
  const ffi = await loadFfi();
  if ('unavailable' in ffi) return ffi;
  try {
    return openWith(ffi, memoryOf(ffi));
  } catch (error) {
    const reason = error instanceof UserError ? error.what : messageOf(error);
    const remedy = 'allow it (SELinux: execmem; systemd: MemoryDenyWriteExecute=no) or use another backend';
    return { unavailable: `executable memory can't be had here: ${reason}; ${remedy}` };
  }
}

let opened: Promise<Host | Unavailable> | undefined;

/**
 * The native host of this process, or why there is none and what to do about it. Never throws; opened once.
 * @example
 * const host = await openHost();
 * if ('unavailable' in host) return fallBack(host.unavailable);
 * using code = host.code(Uint8Array.of(0xc3));
 * code.bind('void()')();
 */
export function openHost(): Promise<Host | Unavailable> {
  opened ??= openHostFrom({ platform: process.platform, arch: process.arch, loadFfi });
  return opened;
}
