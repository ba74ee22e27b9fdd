import { describe, expect, it } from 'vitest';
import { scalar } from '../../../src/base/tensor.ts';
import { int, type } from '../../../src/graph/attr.ts';
import { builder } from '../../../src/graph/builder.ts';
import type { Action } from '../../../src/runtime/reference/actions.ts';
import { makePlan, type NodeStep } from '../../../src/runtime/reference/plan.ts';

const action: Action = { kind: 'kernel', kernel: () => [] };
const T = type('float32');

describe('a plan', () => {
  it('lets go of each value after its last reader, and of outputs nobody reads at once', () => {
    const b = builder();
    const x = b.input('x', 'float32', []);
    const one = b.constant('one', scalar('float32', 1));
    const first = b.node('AddV2', 'first', [x, one], { T });
    const second = b.node('Relu', 'second', [first], { T });
    const parts = b.node('Unpack', 'parts', [first], { T, num: int(3) });
    const last = b.node('AddV2', 'last', [second, { node: parts.node, port: 1 }], { T });
    const plan = makePlan({ graph: b.graph(), feeds: [x], fetches: [last], actionOf: () => action });
    const steps = new Map(plan.steps.map((step) => [(step as NodeStep).node.name, step as NodeStep]));
    const step = (name: string) => steps.get(name)!;
    const byLast = [...step('last').frees].sort();

    expect([...steps.keys()]).toEqual(['first', 'second', 'parts', 'last']);
    expect(step('first').frees).toEqual([]);
    expect(step('parts').frees).toEqual([step('parts').outputs[0], step('first').outputs[0]].sort());
    expect(byLast).toEqual([step('second').outputs[0], step('parts').outputs[1]].sort());
    // What is fetched, fed or constant stays.
    expect(plan.fetches).toEqual([step('last').outputs[0]]);
    expect(plan.constants.map(({ slot }) => slot)).toEqual([step('first').inputs[1]]);
  });

  it('refuses a node of which only another output is fed', () => {
    const b = builder();
    const parts = b.node('Unpack', 'parts', [b.input('x', 'float32', [2])], { T, num: int(2) });
    const sum = b.node('AddV2', 'sum', [parts, { ...parts, port: 1 }], { T });
    const plan = () => makePlan({ graph: b.graph(), feeds: [parts], fetches: [sum], actionOf: () => action });
    expect(plan).toThrow("node 'sum' (AddV2): reads parts:1, while only parts of that node is fed");
  });
});
