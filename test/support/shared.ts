import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of real models and data beside a checkout, or OCTET_SHARED; tests that need it skip where it is absent. */
const root = process.env.OCTET_SHARED ?? fileURLToPath(new URL('../../../shared/', import.meta.url));

/** The path of a shared file or folder, or undefined where this machine does not have it. */
export function sharedPath(name: string): string | undefined {
  const path = `${root.replace(/\/$/, '')}/${name}`;
  return existsSync(path) ? path : undefined;
}
