export { readGraphDef, writeGraphDef } from './graph-def/graph-def.ts';
