import { type Assembler, type Mem, ptr, rsi, type Vmm } from '../../../asm/x64/index.ts';
import type { ConvSpec, Result } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';
import { type Block, common, type Layout, tailAt } from './layout.ts';

/** What turns a vector of sums into codes; the block's constants at rsi. */
export type Finish = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly block: Block;
  /** Byte offset of the half's constants from rsi. */
  readonly constants: number;
  /** Whether sums times multipliers can leave the range of int32, so that they must be clamped before conversion. */
  readonly mayOverflow: boolean;
};

const commonAt = ({ block }: Pick<Finish, 'block'>, which: number): Mem => ptr(rsi, (which * block.bits) / 8);

/** Turns the sums of the half's vector 0 or 1 into codes, as int32 that are not clamped yet. */
export function requantize(finish: Finish, sum: Vmm, vector: number, multiplier: Vmm | Mem): void {
  const { asm, spec, mayOverflow } = finish;
  const { steps, real } = spec.result.kind === 'requantize' ? spec.result : {};
  asm.vcvtdq2ps(sum, sum);
  if (steps !== undefined) toSteps(finish, sum, vector);
  asm.vmulps(sum, sum, multiplier);
  if (real !== undefined) {
    asm.vaddps(sum, sum, tailConstant(finish, vector));
    asm.vmulps(sum, sum, commonAt(finish, common.back));
  }
  if (mayOverflow) {
    asm.vmaxps(sum, sum, commonAt(finish, common.lowReal));
    asm.vminps(sum, sum, commonAt(finish, common.highReal));
  }
  asm.vcvtps2dq(sum, sum);
}

/** A vector behind the half's weights. */
const tailConstant = ({ layout, spec, target, block, constants }: Finish, which: number): Mem =>
  ptr(rsi, constants + ((tailAt(layout, spec.kernel.w, target) + which) * block.bits) / 8);

/** Brings a vector of sums to the steps of the largest channel's weights, as whole numbers. */
function toSteps(finish: Finish, sum: Vmm, vector: number): void {
  const { asm, target } = finish;
  asm.vmulps(sum, sum, tailConstant(finish, vector));
  asm.vaddps(sum, sum, tailConstant(finish, 2 + vector));
  asm.vmulps(sum, sum, commonAt(finish, common.back));
  target.bits === 512 ? asm.vrndscaleps(sum, sum, 0) : asm.vroundps(sum, sum, 0);
}

type Bytes = Pick<Finish, 'asm' | 'spec' | 'block'>;

/** Two vectors of signed words as bytes of the output's type, the second one's in the high half of each lane. */
export function packBytes({ asm, spec }: Bytes, words: Vmm, others: Vmm): void {
  if (spec.output.type === 's8') asm.vpacksswb(words, words, others);
  else asm.vpackuswb(words, words, others);
}

export function clamp(tile: Bytes, bytes: Vmm, { low, high }: Extract<Result, { kind: 'requantize' }>): void {
  const { asm, spec } = tile;
  const isSigned = spec.output.type === 's8';
  const [least, most] = isSigned ? [-128, 127] : [0, 255];
  if (low > least) (isSigned ? asm.vpmaxsb : asm.vpmaxub)(bytes, bytes, commonAt(tile, common.lowBytes));
  if (high < most) (isSigned ? asm.vpminsb : asm.vpminub)(bytes, bytes, commonAt(tile, common.highBytes));
}
