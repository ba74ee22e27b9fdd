/**
 * The hashes of TensorFlow's string ops, bit for bit. All compute on unsigned 64-bit integers.
 */
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotate = (x: bigint, by: bigint): bigint => u64((x >> by) | (x << (64n - by)));
const rotateLeft = (x: bigint, by: bigint): bigint => u64((x << by) | (x >> (64n - by)));

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// FarmHash's Fingerprint64 (Geoff Pike, Google; farmhashna::Hash64), which StringToHashBucketFast uses.
const k0 = 0xc3a5c85c97cb3127n;
const k1 = 0xb492b66fbe98f273n;
const k2 = 0x9ae16a3b2f90404fn;

const shiftMix = (v: bigint): bigint => v ^ (v >> 47n);

function hash16(u: bigint, v: bigint, mul: bigint): bigint {
  const a = shiftMix(u64((u ^ v) * mul));
  const b = shiftMix(u64((v ^ a) * mul));
  return u64(b * mul);
}

type Fetch = (at: number) => bigint;

function upTo16(bytes: Uint8Array, fetch: Fetch): bigint {
  const length = bytes.length;
  const mul = u64(k2 + BigInt(length) * 2n);
  if (length >= 8) {
    const a = u64(fetch(0) + k2);
    const b = fetch(length - 8);
    return hash16(u64(rotate(b, 37n) * mul + a), u64((rotate(a, 25n) + b) * mul), mul);
  }
  if (length >= 4) {
    const view = viewOf(bytes);
    const a = BigInt(view.getUint32(0, true));
    return hash16(u64(BigInt(length) + (a << 3n)), BigInt(view.getUint32(length - 4, true)), mul);
  }
  if (length === 0) return k2;
  const y = BigInt(bytes[0]! + (bytes[length >> 1]! << 8));
  const z = BigInt(length + (bytes[length - 1]! << 2));
  return u64(shiftMix(u64(y * k2) ^ u64(z * k0)) * k2);
}

function upTo32(length: number, fetch: Fetch): bigint {
  const mul = u64(k2 + BigInt(length) * 2n);
  const a = u64(fetch(0) * k1);
  const b = fetch(8);
  const c = u64(fetch(length - 8) * mul);
  const d = u64(fetch(length - 16) * k2);
  return hash16(u64(rotate(u64(a + b), 43n) + rotate(c, 30n) + d), u64(a + rotate(u64(b + k2), 18n) + c), mul);
}

function upTo64(length: number, fetch: Fetch): bigint {
  const mul = u64(k2 + BigInt(length) * 2n);
  const a = u64(fetch(0) * k2);
  const b = fetch(8);
  const c = u64(fetch(length - 8) * mul);
  const d = u64(fetch(length - 16) * k2);
  const y = u64(rotate(u64(a + b), 43n) + rotate(c, 30n) + d);
  const z = hash16(y, u64(a + rotate(u64(b + k2), 18n) + c), mul);
  const e = u64(fetch(16) * mul);
  const f = fetch(24);
  const g = u64((y + fetch(length - 32)) * mul);
  const h = u64((z + fetch(length - 24)) * mul);
  return hash16(u64(rotate(u64(e + f), 43n) + rotate(g, 30n) + h), u64(e + rotate(u64(f + a), 18n) + g), mul);
}

type Pair = readonly [bigint, bigint];

function weakHash(fetch: Fetch, at: number, seedA: bigint, seedB: bigint): Pair {
  const [w, x, y, z] = [fetch(at), fetch(at + 8), fetch(at + 16), fetch(at + 24)] as const;
  const a = u64(seedA + w);
  const b = rotate(u64(seedB + a + z), 21n);
  const sum = u64(a + x + y);
  return [u64(sum + z), u64(b + rotate(sum, 44n) + a)];
}

/** FarmHash Fingerprint64. */
export function fingerprint64(bytes: Uint8Array): bigint {
  const view = viewOf(bytes);
  const fetch: Fetch = (at) => view.getBigUint64(at, true);
  const { length } = bytes;
  if (length <= 16) return upTo16(bytes, fetch);
  if (length <= 32) return upTo32(length, fetch);
  if (length <= 64) return upTo64(length, fetch);
  const seed = 81n;
  let x = u64(seed * k2 + fetch(0));
  let y = u64(seed * k1 + 113n);
  let z = u64(shiftMix(u64(y * k2 + 113n)) * k2);
  let v: Pair = [0n, 0n];
  let w: Pair = [0n, 0n];
  const end = Math.floor((length - 1) / 64) * 64;
  const round = (at: number, mul: bigint, times: bigint) => {
    x = u64(rotate(u64(x + y + v[0] + fetch(at + 8)), 37n) * mul);
    y = u64(rotate(u64(y + v[1] + fetch(at + 48)), 42n) * mul);
    x ^= u64(w[1] * times);
    y = u64(y + v[0] * times + fetch(at + 40));
    z = u64(rotate(u64(z + w[0]), 33n) * mul);
    v = weakHash(fetch, at, u64(v[1] * mul), u64(x + w[0]));
    w = weakHash(fetch, at + 32, u64(z + w[1]), u64(y + fetch(at + 16)));
    [x, z] = [z, x];
  };
  for (let at = 0; at < end; at += 64) round(at, k1, 1n);
  const mul = u64(k1 + ((z & 0xffn) << 1n));
  const rest = BigInt((length - 1) & 63);
  w = [u64(w[0] + rest), w[1]];
  v = [u64(v[0] + w[0]), v[1]];
  w = [u64(w[0] + v[0]), w[1]];
  round(length - 64, mul, 9n);
  return hash16(u64(hash16(v[0], w[0], mul) + shiftMix(y) * k0 + z), u64(hash16(v[1], w[1], mul) + x), mul);
}

/** Two fingerprints as one (tensorflow/core/platform/fingerprint.h), for crossed features. */
export function fingerprintCat64(a: bigint, b: bigint): bigint {
  const mul = 0xc6a4a7935bd1e995n;
  const mixed = u64((a ^ mul ^ u64(shiftMix(u64(b * mul)) * mul)) * mul);
  return shiftMix(u64(shiftMix(mixed) * mul));
}

/** TensorFlow's own Hash64 (MurmurHash64A), which StringToHashBucket uses. */
export function hash64(bytes: Uint8Array, seed = 0xdecafcaffen): bigint {
  const m = 0xc6a4a7935bd1e995n;
  const view = viewOf(bytes);
  const mix = (k: bigint): bigint => u64(k ^ (k >> 47n));
  let h = u64(seed ^ u64(BigInt(bytes.length) * m));
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const k = u64(mix(u64(view.getBigUint64(at, true) * m)) * m);
    h = u64((h ^ k) * m);
  }
  if (at < bytes.length) {
    let tail = 0n;
    for (let i = bytes.length - 1; i >= at; i--) tail = (tail << 8n) | BigInt(bytes[i]!);
    h = u64((h ^ tail) * m);
  }
  return mix(u64(mix(h) * m));
}

/** SipHash-2-4 (Aumasson and Bernstein) under a key of two words, which StringToHashBucketStrong uses. */
export function sipHash(bytes: Uint8Array, [key0, key1]: Pair): bigint {
  let v0 = key0 ^ 0x736f6d6570736575n;
  let v1 = key1 ^ 0x646f72616e646f6dn;
  let v2 = key0 ^ 0x6c7967656e657261n;
  let v3 = key1 ^ 0x7465646279746573n;
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = u64(v0 + v1);
      v1 = rotateLeft(v1, 13n) ^ v0;
      v0 = rotateLeft(v0, 32n);
      v2 = u64(v2 + v3);
      v3 = rotateLeft(v3, 16n) ^ v2;
      v0 = u64(v0 + v3);
      v3 = rotateLeft(v3, 21n) ^ v0;
      v2 = u64(v2 + v1);
      v1 = rotateLeft(v1, 17n) ^ v2;
      v2 = rotateLeft(v2, 32n);
    }
  };
  const absorb = (word: bigint) => {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  const view = viewOf(bytes);
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) absorb(view.getBigUint64(at, true));
  let last = BigInt(bytes.length & 0xff) << 56n;
  for (let i = at; i < bytes.length; i++) last |= BigInt(bytes[i]!) << BigInt(8 * (i - at));
  absorb(last);
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}
