export { type OptimizeOptions, optimize, passes } from './optimize.ts';
export type { Evaluate, Pass } from './pass.ts';
