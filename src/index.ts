/** The public API: `load → optimize → quantize → compile → run`, and what measures it. */

export { type CompareOptions, compare, type LayerComparison } from './api/compare.ts';
export { type CompileOptions, compile } from './api/compile.ts';
export { type Inspection, inspect } from './api/inspect.ts';
export { load, type SavableModel } from './api/model.ts';
export { type OptimizeOptions, optimize } from './api/optimize.ts';
export { type QuantizedModel, type QuantizeOptions, quantize } from './api/quantize.ts';
export type { Warning } from './api/warnings.ts';
export { InternalError, UnsupportedError, UserError } from './base/errors.ts';
export type { Progress } from './base/progress.ts';
export { type Tensor, tensor, tensorOf } from './base/tensor.ts';
export type { Dataset, Sample } from './data/dataset.ts';
export { type Evaluation, evaluate } from './data/evaluate.ts';
export { openDataset } from './data/open.ts';
export type { Recipe } from './data/recipe/recipe.ts';
export { imageFolder } from './data/sources/folder.ts';
export type { Model } from './graph/model.ts';
export { type Config, parseConfig } from './quantize/config.ts';
export { buildReport, type ReportOptions } from './report/build.ts';
export { renderReport } from './report/html.ts';
export type { Session } from './runtime/session.ts';
export { type Sensitivity, type SensitivityOptions, sensitivity } from './tune/sensitivity.ts';
export { type Tuned, type TuneOptions, tune } from './tune/tune.ts';
export { findRecipe, recipes } from './zoo/recipes/index.ts';
