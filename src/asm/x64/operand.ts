/** Exists only in types: what an operand is, so that a ymm register is not taken for a zmm one. */
declare const shape: unique symbol;

/** What a method's parameter asks for: an operand of one of the shapes S. */
export interface Shaped<S extends string> {
  readonly [shape]?: S;
  readonly code: number;
}

/** A register or a memory operand. All have the same fields, so that the encoders stay monomorphic. */
export interface Operand<S extends string = string> extends Shaped<S> {
  /** Register number; 0 for memory. */
  readonly n: number;
  /** Number of the mask register, 0 for none. */
  readonly k: number;
  /** 1: elements that the mask leaves out become zero. */
  readonly z: number;
  /** Numbers of the address registers, -1 for none. */
  readonly base: number;
  readonly index: number;
  /** log2 of the scale. */
  readonly ss: number;
  readonly disp: number;
  /** A register's name; '' for memory. */
  readonly name: string;
}

/** A position in the code. Made by `Assembler.label`, placed by `Assembler.bind`. */
export interface Label extends Shaped<'label'> {
  readonly name: string;
  readonly owner: object;
  /** Offset in bytes from the start of the code, -1 until bound. */
  readonly position: number;
}

export type Argument = Operand | Label | number | bigint;
