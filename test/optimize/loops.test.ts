import { describe, expect, it } from 'vitest';
import { scalar, tensorOf } from '../../src/base/tensor.ts';
import { int, type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import { type Value, value } from '../../src/graph/graph.ts';
import { optimized, run, T } from './support.ts';

/** while (i < 3) { x = Reshape(x, Shape(x)) · 2; i++ } with the sizes computed in the body, as TF1 writes it. */
function loop() {
  const b = builder();
  const I = { T: type('int32') };
  const frame = (name: string) => ({ frame_name: name, is_constant: false, parallel_iterations: int(10) });
  const x = b.input('x', 'float32', [2, 3]);
  const enterX = b.node('Enter', 'enter_x', [x], { ...T, ...frame('loop') });
  const enterI = b.node('Enter', 'enter_i', [b.constant('start', scalar('int32', 0))], { ...I, ...frame('loop') });
  const mergeX = b.node('Merge', 'merge_x', [enterX, value('next_x')], { ...T, N: int(2) });
  const mergeI = b.node('Merge', 'merge_i', [enterI, value('next_i')], { ...I, N: int(2) });
  const held = (name: string, after: Value, ...values: number[]) => {
    const c = b.constant(name, values.length === 1 ? scalar('int32', values[0]!) : tensorOf('int32', values));
    controls.set(c.node, after.node);
    return c;
  };
  const controls = new Map<string, string>();
  const less = b.node('Less', 'less', [mergeI, held('three', mergeI, 3)], I);
  const go = b.node('LoopCond', 'go', [less]);
  const switchX = b.node('Switch', 'switch_x', [mergeX, go], T);
  const switchI = b.node('Switch', 'switch_i', [mergeI, go], I);
  const i = b.node('Identity', 'i', [value(switchI.node, 1)], I);
  const body = b.node('Identity', 'body', [value(switchX.node, 1)], T);
  b.node('NextIteration', 'next_i', [b.node('AddV2', 'more', [i, held('one', i, 1)], I)], I);
  const known = b.node('Reshape', 'known', [body, held('dims', body, 2, 3)], { ...T, Tshape: type('int32') });
  const shape = b.node('Shape', 'shape', [known], { ...T, out_type: type('int32') });
  const doubled = b.node('AddV2', 'doubled', [shape, shape], I);
  const halved = b.node('Sub', 'halved', [doubled, shape], I);
  const scaled = b.node('AddV2', 'scaled', [body, body], T);
  b.node(
    'NextIteration',
    'next_x',
    [b.node('BroadcastTo', 'wide', [scaled, halved], { ...T, Tidx: type('int32') })],
    T,
  );
  b.node('Exit', 'y', [switchX], T);
  const nodes = [...b.graph().nodes.values()];
  return b
    .graph()
    .with(nodes.map((node) => (controls.has(node.name) ? { ...node, controls: [controls.get(node.name)!] } : node)));
}

describe('loops', () => {
  it('gives a constant made in the body of a loop to the body', async () => {
    const { text, model } = optimized(loop(), ['y'], ['fold-constants']);
    const feeds = new Map([['x', tensorOf('float32', [1, 2, 3, 4, 5, 6], [2, 3])]]);
    expect(text).toContain('wide/halved = int32[2] {2 3}');
    expect(model.graph.node('wide/halved').controls).toEqual(['scaled']);
    const [y] = await run(model, feeds);
    expect(Array.from(y!.data as Float32Array)).toEqual([8, 16, 24, 32, 40, 48]);
  });
});
