import { UserError } from '../base/errors.ts';
import { type Attr, attrValue, readAttr } from './attr.ts';
import { constTensor } from './constant.ts';
import { formatValue, type Graph, type Node } from './graph.ts';
import { attrOrDefault, definitionOf, inputTypes, isKnownOp, outputTypes } from './signature.ts';

/** Something that does not fit in a graph. */
export type Defect = { readonly node: string; readonly op: string; readonly what: string };

/**
 * Checks that a graph is one TensorFlow would import: no cycles or missing inputs, each op with the inputs, dtypes and
 * attribute values that its signature wants. Ops that octet does not know are left unchecked. Returns all defects found.
 */
export function findDefects(graph: Graph): readonly Defect[] {
  const inFunctions = [...graph.library.values()].flatMap((fn) =>
    defectsOfNodes(fn.body.withLibrary(graph.library)).map((d) => ({ ...d, node: `${fn.name}/${d.node}` })),
  );
  return [...defectsOfNodes(graph), ...inFunctions];
}

function defectsOfNodes(graph: Graph): Defect[] {
  graph.order();
  const defects: Defect[] = [];
  for (const node of graph.nodes.values()) {
    const report = (what: string) => defects.push({ node: node.name, op: node.op, what });
    if (!isKnownOp(node.op)) continue;
    try {
      checkAttrs(node, report);
      checkInputs(graph, node, report);
      checkConstant(node, report);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(error.what);
    }
  }
  return defects;
}

/** Throws `UserError` with the first defects of a graph, if it has any. */
export function verify(graph: Graph, file?: string): void {
  const [first, ...rest] = findDefects(graph);
  if (first === undefined) return;
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more defects)`;
  throw new UserError(`${first.what}${more}`, {
    ...(file === undefined ? {} : { file }),
    node: first.node,
    op: first.op,
  });
}

function checkAttrs(node: Node, report: (what: string) => void): void {
  if (!isKnownOp(node.op)) return;
  for (const [name, attr] of definitionOf(node.op).attrs) {
    const own = node.attrs.get(name);
    if (own !== undefined && !isOfKind(own, attr.kind)) report(`attribute '${name}' is not of kind ${attr.kind}`);
    if (attr.allowed === undefined) continue;
    const given = attrOrDefault(node, definitionOf(node.op), name);
    if (given === undefined || 'placeholder' in given) continue;
    const value = attrValue(given, 'type') ?? attrValue(given, 'string');
    if (value !== undefined && !attr.allowed.includes(value))
      report(`attribute '${name}' is ${value}; it can be ${attr.allowed.join(', ')}`);
  }
}

/** Whether an attribute is of the kind that a signature names; so are those that octet can't tell the kind of. */
function isOfKind(attr: Attr, kind: string): boolean {
  if ('raw' in attr || 'placeholder' in attr) return true;
  const element = /^list\((\w+)\)$/.exec(kind)?.[1];
  if (element !== undefined) return 'list' in attr && Object.keys(attr.list).every((key) => key === `${element}s`);
  return kind in attr || (kind === 'string' && 'bytes' in attr);
}

/** What a constant says of its type is what readers count on. */
function checkConstant(node: Node, report: (what: string) => void): void {
  const tensor = constTensor(node);
  if (tensor === undefined) return;
  const dtype = readAttr(node, 'dtype', 'type');
  if (tensor.dtype !== dtype) report(`its value is ${tensor.dtype}, while it says ${dtype}`);
}

function checkInputs(graph: Graph, node: Node, report: (what: string) => void): void {
  const wanted = inputTypes(node) ?? [];
  if (node.inputs.length !== wanted.length) {
    report(`has ${node.inputs.length} inputs; ${node.op} takes ${wanted.length}`);
    return;
  }
  for (const [i, input] of node.inputs.entries()) {
    const types = outputTypes(graph.node(input.node), graph.library);
    if (types === undefined) continue;
    const type = types[input.port];
    if (type === undefined) report(`reads ${formatValue(input)}, but '${input.node}' has ${types.length} outputs`);
    else if (type !== wanted[i]) report(`input ${i} (${formatValue(input)}) is ${type}; ${wanted[i]} is wanted`);
  }
}
