import type { Buffer } from '../../native-kernel.ts';
import type { RealConvSpec } from '../native-f32/spec.ts';

/**
 * Convolutions of 3×3 with stride 1 by minimal filtering, F(2×2, 3×3): tiles of 2×2 outputs from 4×4 inputs by 16 products a
 * channel where the plain sums take 36 (Lavin and Gray 2015; Winograd 1980). With
 *
 *        ⎡1  0 −1  0⎤        ⎡ 1   0   0 ⎤
 *   Bᵀ = ⎢0  1  1  0⎥    G = ⎢ ½   ½   ½ ⎥    Aᵀ = ⎡1 1  1  0⎤
 *        ⎢0 −1  1  0⎥        ⎢ ½  −½   ½ ⎥         ⎣0 1 −1 −1⎦
 *        ⎣0  1  0 −1⎦        ⎣ 0   0   1 ⎦
 *
 * a tile is Aᵀ[Σ_c (G g_c Gᵀ) ⊙ (Bᵀ d_c B)]A. Two layers: one brings the tiles d to BᵀdB, the other multiplies, which for
 * each of the 16 elements is a matrix product over channels, and brings the sums back while they are in the cache.
 */
export const ELEMENTS = 16;

/** The tiles of a picture: ⌈h/2⌉ × ⌈w/2⌉ of its output. */
export type Tiling = { readonly rows: number; readonly columns: number };

export const tilingOf = ({ h, w }: { readonly h: number; readonly w: number }): Tiling => ({
  rows: Math.ceil(h / 2),
  columns: Math.ceil(w / 2),
});

/** BᵀdB of all tiles of a picture. What lies outside of it is read from the halo, which must hold zeros. */
export type TransformSpec = {
  /** f32, n × h × w × c. */
  readonly input: Buffer;
  /** f32: a picture for each of the 16 elements, of one row of at least n · rows · columns pixels of c channels. */
  readonly output: Buffer;
  readonly tiling: Tiling;
  readonly padding: { readonly top: number; readonly left: number };
};

/** What `RealConvSpec` says, with the transformed tiles in the place of the input. */
export type WinogradSpec = Pick<RealConvSpec, 'output' | 'weights' | 'bias' | 'summand' | 'low' | 'high'> & {
  /** As `TransformSpec.output`. */
  readonly input: Buffer;
};

/** What the instruction sets give: vectors of `bits`, register tiles of `mr` tiles × two vectors of output channels. */
export type Target = { readonly isa: 'avx512_vnni' | 'avx2'; readonly bits: 256 | 512; readonly mr: number };

/** Best first. */
export const targets: readonly Target[] = [
  { isa: 'avx512_vnni', bits: 512, mr: 8 },
  { isa: 'avx2', bits: 256, mr: 6 },
];

/** Whether channels fill the vectors in which they are read, and the panels of two in which they are written, of any target. */
export const fills = (channelsIn: number, channelsOut: number): boolean =>
  channelsIn % 16 === 0 && channelsOut % 32 === 0;

/** The rows and columns of zeros that the tiles of an input read around it. */
export function haloOf(
  input: { readonly h: number; readonly w: number },
  { rows, columns }: Tiling,
  { top, left }: TransformSpec['padding'],
): Buffer['halo'] {
  return {
    top,
    left,
    bottom: Math.max(0, 2 * rows + 2 - top - input.h),
    right: Math.max(0, 2 * columns + 2 - left - input.w),
  };
}
