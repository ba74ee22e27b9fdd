import { messageOf } from '../../../base/errors.ts';

/** What koffi accepts for the types this folder uses: integers and addresses as numbers, names, bytes by pointer. */
export type FfiValue = number | bigint | string | null | ArrayBufferView;

/** A C function seen from JavaScript. `async` runs it on a thread of libuv's pool; its last argument is the callback. */
export type FfiFunction = ((...args: FfiValue[]) => unknown) & {
  readonly async: (...args: (FfiValue | ((error: unknown, result: unknown) => void))[]) => void;
};

/** A prototype made by `proto`; its inside is koffi's own. */
export type FfiPrototype = { readonly __ffiPrototype?: never };

export type FfiLibrary = {
  func(name: string, result: string, parameters: string[]): FfiFunction;
  symbol(name: string): bigint;
};

/** The part of koffi that octet uses (https://koffi.dev), with types. */
export type Ffi = {
  load(path: string | null): FfiLibrary;
  proto(result: string, parameters: string[]): FfiPrototype;
  decode(address: number | bigint, prototype: FfiPrototype): FfiFunction;
  view(address: number | bigint, bytes: number): ArrayBuffer;
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
};

export type Unavailable = { readonly unavailable: string };

/** Loads the optional dependency koffi, or says why it can't be had. */
export async function loadFfi(): Promise<Ffi | Unavailable> {
  try {
    const module = await import('koffi');
    return module.default as unknown as Ffi;
  } catch (error) {
    const reason = messageOf(error).split('\n')[0];
    return { unavailable: `the optional dependency koffi can't be loaded (${reason}); run 'npm install koffi'` };
  }
}
