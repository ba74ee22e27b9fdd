import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { InternalError } from '../../base/errors.ts';
export const parseText = <D extends DescMessage>(_s: D, _t: string, _f: string): MessageShape<D> => {
  throw new InternalError('todo');
};
