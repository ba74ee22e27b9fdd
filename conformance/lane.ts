import { messageOf } from '../src/base/errors.ts';
import { type Part, type Result, runPart } from './suite.ts';
import { suites } from './suites/index.ts';
import { startTensorFlow } from './tensorflow.ts';

/**
 * A process that runs parts of suites one after another, with a TensorFlow of its own: see lanes.ts, which starts it.
 */
export type FromLane =
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'done' }
  | { readonly kind: 'broken'; readonly message: string };

const tell = (message: FromLane) => process.send!(message);

try {
  const tf = await startTensorFlow();
  process.on('disconnect', () => void tf[Symbol.asyncDispose]());
  process.on('message', (part: Part) => {
    runPart(part, suites[part.suite]!, tf, (result) => tell({ kind: 'result', result })).then(
      () => tell({ kind: 'done' }),
      (error: unknown) => tell({ kind: 'broken', message: messageOf(error) }),
    );
  });
  tell({ kind: 'ready', version: tf.version });
} catch (error) {
  tell({ kind: 'broken', message: messageOf(error) });
  process.disconnect();
}
