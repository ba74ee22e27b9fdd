import { type Progress, silent } from '../base/progress.ts';
import { type } from '../graph/attr.ts';
import { builder } from '../graph/builder.ts';
import { type BackendName, type BackendOptions, openBackend } from '../runtime/backends.ts';

/** How many samples calibration takes where it is not told: the reference backend is a hundred times slower. */
const usual = { native: 100, reference: 20 } as const satisfies Readonly<Record<BackendName, number>>;

/** At most so many times the usual number where samples are small. */
export const mostUsual = 10;

/** The number of samples to calibrate with where none is asked for; a note says where that is less than usual, and why. */
export async function usualSamples(
  wanted: BackendName | 'auto' = 'auto',
  { progress = silent, ...options }: BackendOptions & { readonly progress?: Progress } = {},
): Promise<number> {
  const { backend, fallbacks } = await tryBackend(wanted, options);
  const samples = usual[backend];
  if (samples === usual.native) return samples;
  const reasons = fallbacks.map((fallback) => `; ${fallback.backend} can't be used: ${fallback.reason}`);
  progress.note(
    `calibrates with ${samples} samples rather than ${usual.native}, as the ${backend} backend is slow (--samples asks for more)${reasons.join('')}`,
  );
  return samples;
}

/** The backend that a smallest model is opened on. */
async function tryBackend(wanted: BackendName | 'auto', options: BackendOptions) {
  const b = builder();
  const x = b.input('x', 'float32', [1, 16]);
  const y = b.node('Relu', 'y', [x], { T: type('float32') });
  const graph = b.graph();
  const end = (value: typeof x) => ({ key: value.node, value, dtype: 'float32', shape: [1, 16] }) as const;
  const model = { graph, inputs: [end(x)], outputs: [end(y)], initializers: [], assets: new Map() };
  const opened = await openBackend(wanted, model, [y], options);
  opened.runner.dispose();
  return opened;
}
