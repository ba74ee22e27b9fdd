export { type Assembler, type AssemblerOptions, assembler, type Code64 } from './assembler.ts';
export { AssemblerError } from './error.ts';
export { formatListing, type Line } from './listing.ts';
export * from './memory.ts';
export type { Feature } from './notation.ts';
export type { Label, Operand } from './operand.ts';
export * from './registers.ts';
