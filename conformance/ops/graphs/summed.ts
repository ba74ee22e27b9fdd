import { ints, type } from '../../../src/graph/attr.ts';
import { type GraphCase, node, placeholder, pooled } from '../../graph-case.ts';
import { codes, f32s, normal } from '../values.ts';
import { constants, graph } from './constants.ts';

/** The figure-1b form of the residual add: no fixture has it, since its summand must be computed. */
export function summed(): GraphCase {
  const x = codes('quint8', [1, 5, 5, 4]);
  const z = codes('quint8', [1, 5, 5, 6]);
  const w = codes('qint8', [3, 3, 4, 6]);
  return {
    ...graph(
      'QuantizedConv2DWithBiasSumAndRelu',
      { w, b: normal([6]), lx: f32s(0), hx: f32s(2.5), lw: f32s(-0.9), hw: f32s(0.9) },
      [],
      [],
    ),
    nodes: [
      ...constants({ w, b: normal([6]), lx: f32s(0), hx: f32s(2.5), lw: f32s(-0.9), hw: f32s(0.9) }),
      placeholder('x', x),
      placeholder('z', z),
      ...pooled('z', z),
      node('Cast', 'z32', ['z'], { SrcT: type('quint8'), DstT: type('qint32') }),
      node('QuantizedConv2DWithBias', 'first', ['x', 'w', 'b', 'lx', 'hx', 'lw', 'hw'], {
        Tinput: type('quint8'),
        Tfilter: type('qint8'),
        out_type: type('qint32'),
        strides: ints([1, 1, 1, 1]),
        padding: 'SAME',
      }),
      node('Dequantize', 'firstFloat', ['first', 'first:1', 'first:2'], { T: type('qint32'), mode: 'MIN_FIRST' }),
      node('QuantizedConv2DWithBiasSumAndRelu', 'op', ['x', 'w', 'b', 'lx', 'hx', 'lw', 'hw', 'firstFloat'], {
        Tinput: type('quint8'),
        Tfilter: type('qint8'),
        out_type: type('qint32'),
        strides: ints([1, 1, 1, 1]),
        padding: 'SAME',
      }),
    ],
    feeds: new Map([
      ['x', x],
      ['z', z],
    ]),
    fetches: ['op', 'op:1', 'op:2'],
  };
}
