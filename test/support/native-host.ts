import { readFileSync } from 'node:fs';
import { type Host, openHost } from '../../src/runtime/native/host/host.ts';

/** The host, or a failure: for tests that are skipped by `hasHost` elsewhere. */
export async function requireHost(): Promise<Host> {
  const host = await openHost();
  if ('unavailable' in host) throw new Error(host.unavailable);
  return host;
}

const opened = await openHost();
/** False where this machine can't run generated code (another architecture, no koffi): such tests are then skipped. */
export const hasHost = !('unavailable' in opened);

/** Linux: the permissions of the page at `address`, as /proc/self/maps prints them; undefined where nothing is mapped. */
export function accessAt(address: number): string | undefined {
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (....)/.exec(line);
    if (match === null) continue;
    if (Number.parseInt(match[1]!, 16) <= address && address < Number.parseInt(match[2]!, 16)) return match[3];
  }
  return undefined;
}
