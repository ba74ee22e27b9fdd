import { expect, test } from 'vitest';
import { isFullShape } from '../../src/base/shape.ts';
import { constNode } from '../../src/graph/constant.ts';
import { Graph, type Node } from '../../src/graph/graph.ts';
import { inferTypes } from '../../src/graph/infer.ts';
import { readCases, toNode, toTensor } from '../support/recorded.ts';

/** Every recorded op again: the shapes inferred before running are those TensorFlow's outputs have. */
test.each(['nn.json', 'quantize.json', 'quantized-conv.json', 'quantized.json'])('inferred shapes of %s', (file) => {
  let known = 0;
  for (const recorded of readCases(file)) {
    const inputs = recorded.inputs.map((input, i): Node => constNode(`x${i}`, toTensor(input)));
    const node = toNode(recorded, inputs.length);
    const graph = new Graph([...inputs, node]);
    const types = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
    for (const [port, output] of recorded.outputs!.entries()) {
      const { dtype, shape } = types.of({ node: 'op', port });
      const where = `${recorded.op} ${recorded.name} output ${port}`;
      expect(dtype, where).toBe(output.dtype);
      if (isFullShape(shape)) {
        known++;
        expect(shape, where).toEqual(output.shape);
      } else
        expect(['MatMul', 'SparseMatMul', 'L2Loss', 'BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3'], where).toContain(
          recorded.op,
        );
    }
  }
  expect(known).toBeGreaterThan(100);
});
