export { readGraphDef, writeGraphDef } from './graph-def/graph-def.ts';
export { readSavedModel, type SavedModelOptions } from './saved-model/read.ts';
