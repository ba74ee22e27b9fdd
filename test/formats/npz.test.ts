import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { equalTensors, numbersOf, stringTensor, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { readNpz, writeNpz } from '../../src/formats/npz.ts';

const goldens: string[] = JSON.parse(
  readFileSync(new URL('../data/fixtures/npz.golden.json', import.meta.url), 'utf8'),
);

test.each([0, 1])('reads what numpy.savez and savez_compressed write (%i)', (i) => {
  const arrays = readNpz(Buffer.from(goldens[i]!, 'base64'));
  expect([...arrays.keys()]).toEqual(['input', 'labels']);
  expect(arrays.get('input')!.shape).toEqual([2, 3, 4]);
  expect(numbersOf(arrays.get('input')!)).toEqual(Array.from({ length: 24 }, (_, n) => n));
  expect(arrays.get('labels')!.dtype).toBe('int64');
});

test.each([true, false])('what is written is read again (compressed: %s)', (compress) => {
  const arrays = new Map<string, Tensor>([
    ['a', tensorOf('float32', [1, 2.5])],
    ['scope/b', stringTensor(['x'])],
    ['__proto__', tensorOf('int64', [7])],
  ]);
  const bytes = writeNpz(arrays, { compress });
  const read = readNpz(bytes);
  expect([...read.keys()].sort()).toEqual([...arrays.keys()].sort());
  for (const [name, t] of read) expect(equalTensors(t, arrays.get(name)!), name).toBe(true);
  expect(Buffer.from(writeNpz(arrays, { compress })).equals(bytes)).toBe(true);
});

describe('hostile archives', () => {
  const bytes = writeNpz([['a', tensorOf('float32', [1, 2, 3])]], { compress: true });

  test('a size that deflate can not reach is refused before anything is allocated', () => {
    const lie = bytes.slice();
    // The central directory's uncompressed size is 24 bytes after its signature.
    const at = Buffer.from(lie).indexOf(Uint8Array.of(0x50, 0x4b, 1, 2));
    new DataView(lie.buffer).setUint32(at + 24, 0x7fffffff, true);
    expect(() => readNpz(lie, { file: 'x.npz' })).toThrow(/x\.npz.*2147483647 bytes, which can't be/);
  });

  test('members that lie over each other are refused: the archive that is a thousand times its size a thousand times', () => {
    const many = writeNpz(
      Array.from({ length: 20 }, (_, i) => [`a${i}`, tensorOf('float32', new Array(1000).fill(0))]),
    );
    const view = new DataView(many.buffer);
    const file = Buffer.from(many);
    const entry = Uint8Array.of(0x50, 0x4b, 1, 2);
    let first: number | undefined;
    // Each entry of the central directory says at byte 42 where its member is: all at the first one's.
    for (let at = file.indexOf(entry); at >= 0; at = file.indexOf(entry, at + 4)) {
      first ??= view.getUint32(at + 42, true);
      view.setUint32(at + 42, first, true);
    }
    // What is left of the archive is its first member and the directory.
    const directory = file.indexOf(entry);
    const length = file.indexOf(Uint8Array.of(0x50, 0x4b, 3, 4), 4);
    const small = new Uint8Array(Buffer.concat([file.subarray(0, length), file.subarray(directory)]));
    const tail = new DataView(small.buffer);
    tail.setUint32(small.length - 6, length, true);
    expect(() => readNpz(small)).toThrow(/which can't be/);
  });

  test('a member that ends early is found', () => {
    const lie = bytes.slice();
    const at = Buffer.from(lie).indexOf(Uint8Array.of(0x50, 0x4b, 1, 2));
    new DataView(lie.buffer).setUint32(at + 24, 1000, true);
    expect(() => readNpz(lie)).toThrow(UserError);
  });

  test('members that are no arrays are passed over', () => {
    expect(readNpz(zipSync({ 'readme.txt': Uint8Array.of(1) })).size).toBe(0);
  });

  test('nothing but UserErrors comes of damaged or random bytes', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        try {
          readNpz(Uint8Array.from(bytes, (b, i) => (i === at ? byte : b)));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
    expect(() => readNpz(Uint8Array.of(1, 2, 3))).toThrow(UserError);
  });
});
