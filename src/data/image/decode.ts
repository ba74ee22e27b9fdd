import { messageOf, type Place, UserError } from '../../base/errors.ts';
import { UnreadableSample } from '../dataset.ts';
import type { Picture } from './resize.ts';

type Sharp = typeof import('sharp').default;
let loaded: Promise<Sharp> | undefined;

/** `sharp` is an optional dependency: loaded when the first picture is decoded, and only then missed. */
async function loadSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    throw new UserError(`pictures can't be decoded here: ${messageOf(error)}`, {}, 'npm install sharp', {
      cause: error,
    });
  }
}

/**
 * Decodes JPEG, PNG, WebP, GIF, TIFF to RGB as Pillow's `convert('RGB')` does: no rotation by EXIF, no colour profile,
 * transparency dropped, grey repeated. Takes a path or the file's bytes. Throws `UnreadableSample`.
 */
export async function decodePicture(source: string | Uint8Array, place: Place = {}): Promise<Picture> {
  loaded ??= loadSharp();
  const sharp = await loaded;
  try {
    const { data, info } = await sharp(source, { ignoreIcc: true, failOn: 'error' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    return { width: info.width, height: info.height, channels: 3, data };
  } catch (error) {
    const file = place.file ?? (typeof source === 'string' ? source : undefined);
    throw new UnreadableSample(
      `the picture can't be read: ${messageOf(error).trim().replaceAll('\n', '; ')}`,
      file === undefined ? place : { ...place, file },
      undefined,
      { cause: error },
    );
  }
}
