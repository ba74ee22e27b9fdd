import { readFileSync } from 'node:fs';
import { loadFfi } from '../../src/runtime/native/host/ffi.ts';
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

/** Tests can ask the system about its pages. */
export const hasAccessAt = process.platform === 'linux' || process.platform === 'win32';

/** The permissions of the page at `address`, as Linux' /proc/self/maps prints them; undefined where nothing is mapped. */
export const accessAt = (address: number): string | undefined =>
  process.platform === 'win32' ? queryWindows(address) : queryLinux(address);

function queryLinux(address: number): string | undefined {
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (....)/.exec(line);
    if (match === null) continue;
    if (Number.parseInt(match[1]!, 16) <= address && address < Number.parseInt(match[2]!, 16)) return match[3];
  }
  return undefined;
}

/** winnt.h: MEMORY_BASIC_INFORMATION, PAGE_*, MEM_FREE and MEM_RESERVE. */
const INFORMATION = { state: 32, protect: 36, bytes: 48 };
const PROTECTIONS = new Map([
  [0x01, '---p'],
  [0x02, 'r--p'],
  [0x04, 'rw-p'],
  [0x10, '--xp'],
  [0x20, 'r-xp'],
  [0x40, 'rwxp'],
]);
const MEM_FREE = 0x10000;
const MEM_RESERVE = 0x2000;

const windowsFfi = process.platform === 'win32' ? await loadFfi() : undefined;

function queryWindows(address: number): string | undefined {
  if (windowsFfi === undefined || 'unavailable' in windowsFfi) throw new Error('no koffi');
  const query = windowsFfi.load('kernel32.dll').func('VirtualQuery', 'size_t', ['uintptr_t', 'void *', 'size_t']);
  const information = new DataView(new ArrayBuffer(INFORMATION.bytes));
  if (Number(query(address, information, INFORMATION.bytes)) === 0) throw new Error(`VirtualQuery of ${address}`);
  const state = information.getUint32(INFORMATION.state, true);
  if (state === MEM_FREE) return undefined;
  if (state === MEM_RESERVE) return '---p';
  const protect = information.getUint32(INFORMATION.protect, true);
  return PROTECTIONS.get(protect) ?? `0x${protect.toString(16)}`;
}
