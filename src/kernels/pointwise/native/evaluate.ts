import { type Assembler, k2, type Mem, type Vmm } from '../../../asm/x64/index.ts';
import { InternalError } from '../../../base/errors.ts';
import type { Machine } from '../../native/machine.ts';
import { type Expr, type Operation, patternOf } from './expr.ts';

/** What evaluating an expression needs of its surroundings. */
export type Evaluation = {
  readonly asm: Assembler;
  readonly machine: Machine;
  /** Vector registers that are free. Evaluating takes and returns them. */
  readonly free: Vmm[];
  /** Loads an element of each of a vector's worth of input `index` into `to`. */
  readonly load: (index: number, to: Vmm) => void;
  /** Where a constant is: a register that stays as it is, or a vector in memory. */
  readonly constant: (pattern: number) => Vmm | Mem;
};

type Place = Vmm | Mem;
const isRegister = (place: Place): place is Vmm => place.name !== '';

/** Emits code for `root` and returns the register that holds it, which is the caller's now. */
export function evaluate(scene: Evaluation, root: Expr): Vmm {
  const uses = new Map<Expr, number>();
  const count = (e: Expr): void => {
    uses.set(e, (uses.get(e) ?? 0) + 1);
    if (uses.get(e) === 1 && 'args' in e) e.args.forEach(count);
  };
  count(root);
  const known = new Map<Expr, Vmm>();
  const take = (): Vmm => {
    const register = scene.free.pop();
    if (register === undefined) throw new InternalError('an expression needs more registers than there are');
    return register;
  };
  const placeOf = (e: Expr): Place => {
    if (e.op === 'constant' || e.op === 'bits') return scene.constant(patternOf(e));
    const before = known.get(e);
    if (before !== undefined) return before;
    const register = 'args' in e ? compute(e.op, e.args) : take();
    if (!('args' in e)) scene.load(e.index, register);
    known.set(e, register);
    return register;
  };
  /** Takes note of a use; gives the register back behind the last one. */
  const release = (e: Expr, kept: Vmm): void => {
    const left = uses.get(e)! - 1;
    uses.set(e, left);
    const register = known.get(e);
    if (left > 0 || register === undefined) return;
    known.delete(e);
    if (register !== kept) scene.free.push(register);
  };
  const compute = (op: Operation, args: readonly Expr[]): Vmm => {
    const places = args.map(placeOf);
    // A register that dies here takes the result, but for operations that write before they have read all.
    const isLast = (e: Expr): boolean => known.has(e) && uses.get(e) === args.filter((other) => other === e).length;
    const dying = args.findIndex((e, i) => mayReuse(op, i) && isLast(e) && (op !== 'fma' || isAlone(args, e)));
    const to = dying >= 0 ? known.get(args[dying]!)! : take();
    emit(scene, op, to, places, take);
    for (const e of args) release(e, to);
    return to;
  };
  const place = placeOf(root);
  if (isRegister(place) && known.get(root) === place) return place;
  const to = take();
  scene.asm.vmovups(to, place);
  return to;
}

const isAlone = (args: readonly Expr[], e: Expr): boolean => args.filter((other) => other === e).length === 1;

/** Whether the result may take the register of operand `i`: fma has forms for its first and third. */
const mayReuse = (op: Operation, i: number): boolean => (op === 'fma' ? i !== 1 : reuses.has(op));

/** Operations of one instruction that may write over any of their operands. */
const reuses: ReadonlySet<Operation> = new Set([
  'add',
  'sub',
  'mul',
  'div',
  'max',
  'min',
  'and',
  'or',
  'xor',
  'sqrt',
  'round',
  'truncate',
]);

function emit(scene: Evaluation, op: Operation, to: Vmm, places: readonly Place[], take: () => Vmm): void {
  const { asm, free } = scene;
  const borrowed: Vmm[] = [];
  const borrow = (): Vmm => {
    const register = take();
    borrowed.push(register);
    return register;
  };
  /** The operand in a register. */
  const register = (i: number): Vmm => {
    const place = places[i]!;
    if (isRegister(place)) return place;
    const loaded = borrow();
    asm.vmovups(loaded, place);
    return loaded;
  };
  emitters[op]({ scene, to, places, register, borrow });
  free.push(...borrowed);
}

type Emission = {
  readonly scene: Evaluation;
  readonly to: Vmm;
  readonly places: readonly Place[];
  readonly register: (i: number) => Vmm;
  readonly borrow: () => Vmm;
};
type Emitter = (emission: Emission) => void;

const binary =
  (name: 'vaddps' | 'vsubps' | 'vmulps' | 'vdivps' | 'vmaxps' | 'vminps' | 'vandps' | 'vorps' | 'vxorps'): Emitter =>
  ({ scene, to, places, register }) =>
    scene.asm[name](to, register(0), places[1]!);

/** vrndscaleps and vroundps take the same rounding modes. */
const rounding =
  (mode: number): Emitter =>
  ({ scene: { asm, machine }, to, places }) =>
    machine.bits === 512 ? asm.vrndscaleps(to, places[0]!, mode) : asm.vroundps(to, places[0]!, mode);

const comparing =
  (predicate: number, operands: readonly [number, number], x: number, y: number): Emitter =>
  ({ scene: { asm, machine }, to, places, register, borrow }) => {
    const left = register(operands[0]);
    if (machine.bits === 512) {
      asm.vcmpps(k2, left, places[operands[1]]!, predicate);
      asm.vblendmps(to.mask(k2), register(y), places[x]!);
    } else {
      const mask = borrow();
      asm.vcmpps(mask, left, places[operands[1]]!, predicate);
      asm.vblendvps(to, register(y), places[x]!, mask);
    }
  };

const LESS = 1;
const UNORDERED = 3;

const emitters: Readonly<Record<Operation, Emitter>> = {
  add: binary('vaddps'),
  sub: binary('vsubps'),
  mul: binary('vmulps'),
  div: binary('vdivps'),
  max: binary('vmaxps'),
  min: binary('vminps'),
  and: binary('vandps'),
  or: binary('vorps'),
  xor: binary('vxorps'),
  sqrt: ({ scene, to, places }) => scene.asm.vsqrtps(to, places[0]!),
  round: rounding(8),
  truncate: rounding(11),
  fma: ({ scene: { asm }, to, places, register }) => {
    if (to === places[0]) asm.vfmadd213ps(to, register(1), places[2]!);
    else {
      if (to !== places[2]) asm.vmovups(to, places[2]!);
      asm.vfmadd231ps(to, register(0), places[1]!);
    }
  },
  scale: ({ scene: { asm, machine }, to, places, register, borrow }) => {
    if (machine.bits === 512) {
      asm.vscalefps(to, register(0), places[1]!);
      return;
    }
    // Two factors, as 2ⁿ alone may be no float: 2^⌊n/2⌋ and what remains, made from their exponents' bits.
    const [n, half, one] = [borrow(), borrow(), borrow()];
    asm.vcvtps2dq(n, places[1]!);
    asm.vpsrad(half, n, 1);
    asm.vpsubd(n, n, half);
    asm.vpcmpeqd(one, one, one);
    asm.vpsrld(one, one, 25);
    asm.vpslld(one, one, 23);
    for (const exponent of [half, n]) {
      asm.vpslld(exponent, exponent, 23);
      asm.vpaddd(exponent, exponent, one);
    }
    asm.vmulps(to, half, places[0]!);
    asm.vmulps(to, to, n);
  },
  ifLess: comparing(LESS, [0, 1], 2, 3),
  ifNan: comparing(UNORDERED, [0, 0], 1, 2),
};
