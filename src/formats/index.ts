export { type EndpointOptions, endpointsAt, inputsOf, outputsOf } from './endpoints.ts';
export { readGraphDef, writeGraphDef } from './graph-def/graph-def.ts';
export { readGraphText, writeGraphText } from './graph-def/text.ts';
export { type LoadOptions, load } from './load.ts';
export { checkDestination, save } from './save.ts';
export { readSavedModel, type SavedModelOptions } from './saved-model/read.ts';
export { readTfjsModel } from './tfjs/read.ts';
