import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

type Package = { readonly version?: string; readonly optionalDependencies?: Readonly<Record<string, string>> };

const packages = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
  .packages as Readonly<Record<string, Package>>;

/** `npm ci` refuses a lock file made where a registry had not the binaries of every platform. */
it('locks the binaries of all platforms', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !Object.hasOwn(packages, `node_modules/${name}`) && !Object.hasOwn(packages, `${path}/node_modules/${name}`),
    ),
  );
  expect(missing).toEqual([]);
});
