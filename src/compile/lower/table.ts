import { readAttr } from '../../graph/attr.ts';
import { tableKernels } from '../kernels.ts';
import { chosen } from '../layer.ts';
import { addKernel, decline, type Lower, tensorAt, valueAt } from './lowering.ts';

/** _OctetTable (internal.ts): any function of 8-bit codes. */
export const lowerTable: Lower = (context) => {
  const input = valueAt(context, 0);
  const { data } = tensorAt(context, 1);
  if (!(data instanceof Uint8Array || data instanceof Int8Array) || data.length !== 256)
    return decline('its table has other entries');
  const entries = Uint8Array.from(data, (entry) => entry & 255);
  const codes = addKernel(context, {
    inputs: [input.id],
    dtype: readAttr(context.node, 'out_type', 'type'),
    shape: input.shape,
    choose: ({ inputs: [from], output, isa }) => chosen(tableKernels, isa, { input: from!, output, entries }),
  });
  return [codes, { tensor: tensorAt(context, 2) }, { tensor: tensorAt(context, 3) }];
};
