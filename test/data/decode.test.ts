import { describe, expect, test, vi } from 'vitest';
import type { UserError } from '../../src/base/errors.ts';
import { UnreadableSample } from '../../src/data/dataset.ts';

describe('without sharp', () => {
  test('the error says what to install, and no sample is blamed', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error("Cannot find package 'sharp'");
    });
    const { decodePicture } = await import('../../src/data/image/decode.ts');
    const error = await decodePicture('x.png').catch((e: unknown) => e);
    expect((error as Error).name).toBe('UserError');
    expect(error).not.toBeInstanceOf(UnreadableSample);
    expect((error as Error).message).toMatch(/npm install sharp/);
    vi.doUnmock('sharp');
    vi.resetModules();
  });
});

describe('with sharp', () => {
  test.each([
    ['text', Buffer.from('no picture')],
    ['nothing', Buffer.alloc(0)],
    [
      'an SVG that asks for files',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'),
    ],
  ])('%s is unreadable, and the place is named', async (_, bytes) => {
    const { decodePicture } = await import('../../src/data/image/decode.ts');
    const error = await decodePicture(bytes, { file: 'a.png' }).catch((e: unknown) => e);
    expect((error as UserError).message).toMatch(/^a\.png: the picture can't be read/);
  });
});
