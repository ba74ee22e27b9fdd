import { findPython } from '../../conformance/python.ts';
import { startTensorFlow, type TensorFlow } from '../../conformance/tensorflow.ts';

/**
 * Real TensorFlow where it is installed already (OCTET_PYTHON, or after `npm run conformance`), else undefined: a test of
 * `npm test` must not download it.
 *
 *     const tf = await tensorflowOrSkip();
 *     describe.skipIf(tf === undefined)('as TensorFlow does', () => { ... });
 *     afterAll(() => tf?.[Symbol.asyncDispose]());
 */
export async function tensorflowOrSkip(): Promise<TensorFlow | undefined> {
  const python = await findPython();
  return python === undefined ? undefined : startTensorFlow({ python });
}
