import type { Suite } from '../suite.ts';
import { models } from './models.ts';
import { opDefinitions } from './op-definitions.ts';
import { ops } from './ops.ts';
import { quantizedForms } from './quantized-forms.ts';
import { savedModels } from './savedmodels.ts';

/** All suites, in the order of the report. */
export const suites: Readonly<Record<string, Suite>> = {
  'op-definitions': opDefinitions,
  ops,
  'quantized-forms': quantizedForms,
  models,
  savedmodels: savedModels,
};
