import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

export type ThreadSources = {
  /** A file's text, or undefined where it can't be read. */
  readonly read: (path: string) => string | undefined;
  /** Processors in the affinity mask. */
  readonly affinity: () => number;
};

const system: ThreadSources = {
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  affinity: availableParallelism,
};

const V2_MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];
const V1_MOUNTS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];

/** `/a/b` → `/a/b`, `/a`, and the empty path of the mount itself: a limit anywhere above counts too. */
function withAncestors(path: string): string[] {
  const clean = posix.normalize(`/${path}`);
  return clean === '/' ? [''] : [clean, ...withAncestors(posix.dirname(clean))];
}

/** CPU time a period in processors: `max 100000` and `-1` mean no limit. */
function quotient(quota: string | undefined, period: string | undefined): number {
  const ratio = Number(quota) / Number(period);
  return ratio > 0 && Number.isFinite(ratio) ? ratio : Number.POSITIVE_INFINITY;
}

function limitAt(directory: string, { read }: ThreadSources): number {
  const v2 = read(`${directory}/cpu.max`)?.trim().split(/\s+/);
  if (v2 !== undefined) return quotient(v2[0], v2[1]);
  return quotient(read(`${directory}/cpu.cfs_quota_us`)?.trim(), read(`${directory}/cpu.cfs_period_us`)?.trim());
}

/** The tightest cgroup limit on this process, in processors; infinite where there is none (or no Linux). */
export function cgroupCpuLimit(sources: ThreadSources = system): number {
  const directories = new Set<string>();
  for (const line of (sources.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [id, controllers, ...rest] = line.split(':');
    if (controllers === undefined) continue;
    const isV2 = id === '0' && controllers === '';
    if (!isV2 && !controllers.split(',').includes('cpu')) continue;
    for (const mount of isV2 ? V2_MOUNTS : V1_MOUNTS) {
      // A container without its own cgroup namespace sees the host's path here but only its own part mounted at the root.
      for (const path of withAncestors(rest.join(':'))) directories.add(`${mount}${path}`);
    }
  }
  return Math.min(Number.POSITIVE_INFINITY, ...[...directories].map((directory) => limitAt(directory, sources)));
}

/**
 * Threads that can really run at once: the affinity mask and the container's CPU limit, at least 1. A limit of 1.5 counts
 * as 1: a throttled thread would hold its tile for up to a period (100 ms) while the others wait for it.
 */
export const availableThreads = (sources: ThreadSources = system): number =>
  Math.max(1, Math.floor(Math.min(sources.affinity(), cgroupCpuLimit(sources))));

const DEFAULT_POOL = 4;
const MAX_POOL = 1024;

/** Threads of libuv's pool, on which `.async` calls run beside file system, DNS and crypto work. */
export function threadPoolSize(setting: string | undefined = process.env.UV_THREADPOOL_SIZE): number {
  if (setting === undefined) return DEFAULT_POOL;
  const size = Number.parseInt(setting, 10);
  return Number.isNaN(size) ? 1 : Math.min(MAX_POOL, Math.max(1, size));
}

/** Native calls that may hold the pool at once: one thread always stays free, unless the pool has only one. */
export const maxAsync = (poolSize: number = threadPoolSize()): number => Math.max(1, poolSize - 1);
