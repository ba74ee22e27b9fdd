import { InternalError } from '../../base/errors.ts';

/** A mistake of the code that emits instructions: operands that no form takes, a label never bound, a value out of range. */
export class AssemblerError extends InternalError {}
