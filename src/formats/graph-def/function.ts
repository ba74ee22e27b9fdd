import { create } from '@bufbuild/protobuf';
import { dtypeOfNumber, dtypes } from '../../base/dtype.ts';
import { type Place, UnsupportedError, UserError } from '../../base/errors.ts';
import { type Attr, attrValue } from '../../graph/attr.ts';
import { freshName } from '../../graph/builder.ts';
import { Graph, type GraphFunction, type Node, type Value, value } from '../../graph/graph.ts';
import { argRanges, isKnownOp, outputTypes } from '../../graph/signature.ts';
import {
  type FunctionDef,
  FunctionDef_ArgAttrEntrySchema,
  FunctionDefSchema,
  type NodeDef,
  type OpDef,
  type OpDef_ArgDef,
  OpDef_ArgDefSchema,
  OpDefSchema,
  TextEntrySchema,
} from '../proto/gen/octet/tensorflow/graph_pb.ts';
import type { DataType } from '../proto/gen/octet/tensorflow/tensor_pb.ts';
import { readAttrs, writeAttrs } from './attr.ts';
import type { ReadContext } from './context.ts';
import { type ReadInput, readNode, writeNode } from './node.ts';

/** What of a FunctionDef octet does not read, by the names that its graph has; made by `readFunction` alone. */
export type FunctionExtra = {
  readonly signature: OpDef;
  readonly rest: Pick<FunctionDef, 'attr' | '$unknown'>;
  readonly args: ReadonlyMap<string, OpDef_ArgDef>;
  readonly results: ReadonlyMap<string, OpDef_ArgDef>;
  /** Control outputs: name → node that must have run when the function returns. */
  readonly controls: ReadonlyMap<string, string>;
  /** For nodes of ops that octet does not know: the `out:index` that each port stands for. */
  readonly ports: ReadonlyMap<string, readonly string[]>;
};

/** The nodes that must have run when the function returns, though no result reads them. */
export const controlResults = (fn: GraphFunction): readonly string[] =>
  [...((fn.extra as FunctionExtra | undefined)?.controls.values() ?? [])].filter((name) => fn.body.nodes.has(name));

type Outputs = ReadonlyMap<string, { readonly start: number; readonly count: number }>;

/**
 * The function with its references (`node:output_arg:index`) put into ports by the definitions of the ops. Throws
 * `UserError` naming function and node; `UnsupportedError` for arguments that are lists, which TensorFlow 2 never writes.
 */
export function readFunction(
  def: FunctionDef,
  library: ReadonlyMap<string, FunctionDef>,
  context: ReadContext,
): GraphFunction {
  const signature = def.signature ?? create(OpDefSchema);
  const at: ReadContext = { ...context, place: { ...context.place, node: signature.name, op: 'function' } };
  checkArgs(signature, at.place);
  const names = new Set(def.nodeDef.map((node) => node.name));
  const args = new Map<string, OpDef_ArgDef>();
  const argNodes: Node[] = [];
  const valueOfArg = new Map<string, Value>();
  for (const [index, arg] of signature.inputArg.entries()) {
    const name = freshName(arg.name, (taken) => names.has(taken));
    names.add(name);
    args.set(name, arg);
    valueOfArg.set(arg.name, value(name));
    argNodes.push(argNode(name, index, arg, def, at));
  }
  const references = referenceReader(def, library, valueOfArg, at);
  const bodyNodes = def.nodeDef.map((node) => readNode(node, context, references.read));
  const ret = new Map(def.ret.map(({ key, value: text }) => [key, text]));
  const results = signature.outputArg.map(({ name }) => {
    const [from] = references.read(ret.get(name) ?? '', at);
    return { name, value: from! };
  });
  const extra: FunctionExtra = {
    signature,
    rest: { attr: def.attr, ...(def.$unknown && { $unknown: def.$unknown }) },
    args,
    results: new Map(signature.outputArg.map((arg) => [arg.name, arg])),
    controls: new Map(def.controlRet.map(({ key, value: node }) => [key, node])),
    ports: references.ports,
  };
  const body = new Graph([...argNodes, ...bodyNodes]);
  return { name: signature.name, args: [...args.keys()], results, body, extra };
}

function checkArgs(signature: OpDef, place: Place): void {
  const lists = [...signature.inputArg, ...signature.outputArg].filter(
    (a) => a.numberAttr !== '' || a.typeListAttr !== '',
  );
  if (lists.length === 0) return;
  throw new UnsupportedError(
    lists.map((arg) => ({ ...place, what: `the function's argument '${arg.name}' is a list` })),
  );
}

function argNode(name: string, index: number, arg: OpDef_ArgDef, def: FunctionDef, context: ReadContext): Node {
  const dtype = dtypeOfNumber(arg.type);
  const T: Attr = dtype === undefined ? { placeholder: arg.typeAttr } : { type: dtype };
  const more = def.argAttr.find(({ key }) => key === index)?.value?.attr ?? [];
  const attrs = new Map([...readAttrs(more, context), ['T', T], ['index', { int: index }]] as [string, Attr][]);
  return { name, op: '_Arg', inputs: [], controls: [], attrs };
}

function referenceReader(
  def: FunctionDef,
  library: ReadonlyMap<string, FunctionDef>,
  args: ReadonlyMap<string, Value>,
  context: ReadContext,
): { read: ReadInput; ports: ReadonlyMap<string, readonly string[]> } {
  const nodes = new Map(def.nodeDef.map((node) => [node.name, node]));
  const outputs = new Map<string, Outputs | undefined>();
  const ports = new Map<string, string[]>();
  /** Ports of an op that octet does not know: numbered as they are met, written back by their names. */
  const unknownPort = (node: string, output: string): number => {
    const known = ports.get(node) ?? [];
    ports.set(node, known);
    return known.includes(output) ? known.indexOf(output) : known.push(output) - 1;
  };
  const read: ReadInput = (text, at) => {
    const [name = '', output, index] = text.split(':');
    if (output === undefined) {
      const arg = args.get(name);
      if (arg === undefined) throw new UserError(`'${text}' is no argument of the function`, at.place);
      return [arg];
    }
    const node = nodes.get(name);
    if (node === undefined || (index !== undefined && !/^\d{1,6}$/.test(index)))
      throw new UserError(`'${text}' does not name an output of the function's nodes`, at.place);
    if (!outputs.has(name)) outputs.set(name, outputsOf(node, library, context));
    const ranges = outputs.get(name);
    if (ranges === undefined) return [value(name, unknownPort(name, `${output}:${index ?? 0}`))];
    const range = ranges.get(output);
    if (range === undefined) throw new UserError(`'${text}': ${node.op} has no output '${output}'`, at.place);
    if (index === undefined) return Array.from({ length: range.count }, (_, i) => value(name, range.start + i));
    return [value(name, range.start + Number(index))];
  };
  return { read, ports };
}

/** Where each output argument of a node starts; undefined for ops octet does not know. */
function outputsOf(def: NodeDef, library: ReadonlyMap<string, FunctionDef>, context: ReadContext): Outputs | undefined {
  const called = library.get(def.op);
  if (called !== undefined)
    return new Map(called.signature?.outputArg.map((arg, start) => [arg.name, { start, count: 1 }]) ?? []);
  if (!isKnownOp(def.op)) return undefined;
  const node = { name: def.name, op: def.op, inputs: [], controls: [], attrs: readAttrs(def.attr, context) };
  return namedOutputs(node);
}

function namedOutputs(node: Node): Outputs | undefined {
  try {
    return argRanges(node, 'outputs');
  } catch (error) {
    // A type that only the caller knows (a placeholder): as if the op were unknown.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The FunctionDef of a function, with what its file said where that still fits. */
export function writeFunction(fn: GraphFunction, library: ReadonlyMap<string, GraphFunction>): FunctionDef {
  const extra = fn.extra as FunctionExtra | undefined;
  const argNames = new Set(fn.args);
  const refer = referenceWriter(fn, library, extra);
  const controls = [...(extra?.controls ?? [])].filter(([, node]) => fn.body.nodes.has(node));
  const inputArg = fn.args.map((name) => extra?.args.get(name) ?? newArg(name, fn.body.node(name).attrs.get('T')));
  const outputArg = fn.results.map(({ name, value: from }) => {
    const dtype = outputTypes(fn.body.node(from.node), library)?.[from.port];
    return extra?.results.get(name) ?? newArg(name, dtype && { type: dtype });
  });
  const argAttr = fn.args.flatMap((name, key) => {
    const more = new Map([...fn.body.node(name).attrs].filter(([attr]) => attr !== 'T' && attr !== 'index'));
    return more.size === 0 ? [] : [create(FunctionDef_ArgAttrEntrySchema, { key, value: { attr: writeAttrs(more) } })];
  });
  const def = create(FunctionDefSchema, {
    signature: {
      ...(extra?.signature ?? { isStateful: false }),
      name: fn.name,
      inputArg,
      outputArg,
      controlOutput: extra?.signature.controlOutput.filter((name) => controls.some(([kept]) => kept === name)) ?? [],
    },
    nodeDef: [...fn.body.nodes.values()].filter((n) => !argNames.has(n.name)).map((n) => writeNode(n, refer)),
    ret: fn.results.map((r) => create(TextEntrySchema, { key: r.name, value: refer(r.value) })),
    controlRet: controls.map(([key, node]) => create(TextEntrySchema, { key, value: node })),
    argAttr,
  });
  return Object.assign(def, extra?.rest);
}

function newArg(name: string, type: Attr | undefined): OpDef_ArgDef {
  const dtype = type === undefined ? undefined : attrValue(type, 'type');
  if (dtype === undefined) throw new UserError(`the type of '${name}' is not known`, { node: name });
  return create(OpDef_ArgDefSchema, { name, type: dtypes[dtype].tf as DataType });
}

function referenceWriter(
  fn: GraphFunction,
  library: ReadonlyMap<string, GraphFunction>,
  extra: FunctionExtra | undefined,
): (value: Value) => string {
  const args = new Set(fn.args);
  const outputs = new Map<string, Outputs | undefined>();
  return ({ node: name, port }) => {
    if (args.has(name)) return extra?.args.get(name)?.name ?? name;
    const recorded = extra?.ports.get(name)?.[port];
    if (recorded !== undefined) return `${name}:${recorded}`;
    const node = fn.body.node(name);
    const called = library.get(node.op)?.results[port];
    if (called !== undefined) return `${name}:${called.name}:0`;
    if (!outputs.has(name)) outputs.set(name, namedOutputs(node));
    for (const [output, { start, count }] of outputs.get(name) ?? [])
      if (port >= start && port < start + count) return `${name}:${output}:${port - start}`;
    throw new UserError(`output ${port} has no name in the op's definition`, { node: name, op: node.op });
  };
}
