import type { Model } from '../graph/model.ts';
import { withIslands } from '../runtime/islands.ts';
import { drawStage } from './stage.ts';
import type { StageData } from './types.ts';

type Stages = { readonly reference?: Model; readonly quantized?: Model };

/**
 * The stages that there are: (a), (b), (c), and what octet's engine makes of (c) where that differs. `kept` are the
 * convolutions and matmuls that stay in fp32, with the reasons.
 */
export async function stagesOf(
  model: Model,
  { reference, quantized }: Stages,
  kept: ReadonlyMap<string, string>,
): Promise<readonly StageData[]> {
  const isInt8 = [...model.graph.nodes.values()].some((node) => node.op.startsWith('Quantized'));
  const a = reference && {
    id: 'a',
    title: 'a · fp32',
    note: 'optimized: batch norms folded, constants computed',
  };
  const b = quantized && { id: 'b', title: 'b · quantized', note: 'in int8 on the ranges of each run' };
  const before = [
    ...(a ? [drawStage(a, reference, { kept })] : []),
    ...(b ? [drawStage(b, quantized, { kept, islands: new Set() })] : []),
  ];
  if (!isInt8) {
    const only = { id: 'model', title: 'fp32', note: 'the model as it is' };
    return Promise.all([...before, drawStage(only, model, { kept })]);
  }
  const run = withIslands(
    model,
    model.outputs.map((output) => output.value),
  );
  const islands = islandsOf(model, run);
  const c = { id: 'c', title: reference ? 'c · int8' : 'int8', note: 'calibrated and fused: what the file holds' };
  const d = {
    id: 'd',
    title: 'd · as run',
    note: "what octet's engine runs: residual adds and other islands in int8 too",
  };
  return Promise.all([
    ...before,
    drawStage(c, model, { kept, islands }),
    ...(islands.size > 0 ? [drawStage(d, run, { kept, islands: new Set(), from: model })] : []),
  ]);
}

/** The nodes of the file that the engine computes in int8 by an op of its own, or leaves out for it. */
function islandsOf({ graph }: Model, run: Model): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of graph.nodes.values()) {
    const isOwn = run.graph.nodes.get(node.name)?.op.startsWith('_') ?? true;
    if (isOwn && node.op !== 'Const' && !node.op.startsWith('Quantized')) found.add(node.name);
  }
  return found;
}
