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
