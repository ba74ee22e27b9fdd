/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), eight bytes a step ("slicing-by-8", Kounavis and Berry 2005). */
type Eight<T> = [T, T, T, T, T, T, T, T];
const [t0, t1, t2, t3, t4, t5, t6, t7] = makeTables();

function makeTables(): Eight<Uint32Array> {
  const all = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    all[0]![byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++)
    for (let k = 1; k < 8; k++) {
      const before = all[k - 1]![byte]!;
      all[k]![byte] = (before >>> 8) ^ all[0]![before & 255]!;
    }
  return all as Eight<Uint32Array>;
}

/** The CRC-32C of `bytes`, going on from `crc`, the CRC of what came before. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  let c = ~crc;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c =
      t7[c & 255]! ^
      t6[(c >>> 8) & 255]! ^
      t5[(c >>> 16) & 255]! ^
      t4[c >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ t0[(c ^ bytes[i]!) & 255]!;
  return ~c >>> 0;
}

/** TensorFlow's mask: a CRC of data that holds CRCs is weak, so stored ones are rotated and shifted (tsl/lib/hash/crc32c.h). */
export const maskCrc = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
