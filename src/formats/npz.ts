import { type UnzipFileInfo, unzipSync, zipSync } from 'fflate';
import { messageOf, type Place, UserError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { readNpy, writeNpy } from './npy.ts';

/** Deflate can't do better than 1032 : 1 (RFC 1951), so a larger promise is a lie and nothing is allocated for it. */
const maxRatio = 1032;
/** At most this many bytes out of one archive. */
const maxBytes = 2 ** 32;

/**
 * The arrays of a NumPy `.npz` archive by their names, in the archive's order. Throws `UserError` on an archive that is
 * broken, that promises more than it can hold, or that names an array twice.
 */
export function readNpz(bytes: Uint8Array, place: Place = {}): Map<string, Tensor> {
  const sizes = new Map<string, number>();
  let total = 0;
  let stored = 0;
  const filter = ({ name, size, originalSize }: UnzipFileInfo): boolean => {
    if (!name.endsWith('.npy')) return false;
    total += originalSize;
    // Members that share bytes are a way to promise more than the ratio allows.
    stored += size;
    if (stored > bytes.length || originalSize > size * maxRatio + 64 || total > maxBytes)
      throw new UserError(`says that '${name}' has ${originalSize} bytes, which can't be`, place, 'do not trust it');
    if (sizes.has(name)) throw new UserError(`has two arrays '${name}'`, place);
    sizes.set(name, originalSize);
    return true;
  };
  const files = unzip(bytes, filter, place);
  const arrays = new Map<string, Tensor>();
  for (const [name, size] of sizes) {
    const body = Object.hasOwn(files, name) ? files[name] : undefined;
    if (body === undefined || body.length !== size)
      throw new UserError(`'${name}' is cut short: ${body?.length ?? 0} of ${size} bytes`, place, 'fetch it again');
    const key = name.slice(0, -'.npy'.length);
    arrays.set(key, readNpy(body, { ...place, node: key }));
  }
  return arrays;
}

function unzip(bytes: Uint8Array, filter: (file: UnzipFileInfo) => boolean, place: Place): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `is not an archive that can be read: ${messageOf(error)}`,
      place,
      'write it with numpy.savez or numpy.savez_compressed',
      { cause: error },
    );
  }
}

/** The arrays as `numpy.savez` (or, with `compress`, `numpy.savez_compressed`) writes them. */
export function writeNpz(
  arrays: Iterable<readonly [string, Tensor]>,
  options: { readonly compress?: boolean } = {},
): Uint8Array {
  // A fixed date (the first that zip can hold), so that equal arrays give equal files.
  const attributes = { level: options.compress === true ? 6 : 0, mtime: new Date(1980, 0, 1) } as const;
  const files: Record<string, [Uint8Array, typeof attributes]> = Object.create(null);
  for (const [name, tensor] of arrays) files[`${name}.npy`] = [writeNpy(tensor, { node: name }), attributes];
  return zipSync(files, attributes);
}
