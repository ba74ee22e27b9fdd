import { ELEMENTS, type Target, type WinogradSpec } from './spec.ts';

/** Byte offsets in a panel: its limits, then for each of the 16 elements two vectors of bias and the weights of each channel. */
export const limits = { low: 0, high: 4, bytes: 64 } as const;

export type PanelLayout = {
  readonly panels: number;
  /** Output channels of a panel. */
  readonly width: number;
  /** Bytes of an element's bias, and from an element to the next. */
  readonly header: number;
  readonly elementBytes: number;
  readonly panelBytes: number;
};

export function panelLayout({ input, output }: Pick<WinogradSpec, 'input' | 'output'>, { bits }: Target): PanelLayout {
  const header = (2 * bits) / 8;
  const elementBytes = header * (1 + input.shape.c);
  return {
    panels: output.shape.c / ((2 * bits) / 32),
    width: (2 * bits) / 32,
    header,
    elementBytes,
    panelBytes: limits.bytes + ELEMENTS * elementBytes,
  };
}

/**
 * The weights as GgGᵀ, in float64 and rounded once: [panel][element][channel][column]. The bias is that of element (1, 1),
 * which goes into all four outputs of a tile by 1.
 */
export function packWinograd(spec: WinogradSpec, target: Target): Uint8Array {
  const { weights, bias, input, output } = spec;
  const layout = panelLayout(spec, target);
  const packed = new Uint8Array(layout.panels * layout.panelBytes);
  const [channels, columns] = [input.shape.c, output.shape.c];
  const taps = new Float64Array(9);
  const elements = new Float64Array(ELEMENTS);
  const perElement = layout.elementBytes / 4;
  const firstWeight = (limits.bytes + layout.header) / 4;
  const perTap = channels * columns;
  for (let panel = 0; panel < layout.panels; panel++) {
    const floats = new Float32Array(packed.buffer, panel * layout.panelBytes, layout.panelBytes / 4);
    floats[limits.low / 4] = spec.low ?? Number.NEGATIVE_INFINITY;
    floats[limits.high / 4] = spec.high ?? Number.POSITIVE_INFINITY;
    const first = panel * layout.width;
    if (bias !== undefined) floats.set(bias.subarray(first, first + layout.width), limits.bytes / 4 + 5 * perElement);
    for (let c = 0; c < channels; c++)
      for (let column = 0; column < layout.width; column++) {
        const from = c * columns + first + column;
        for (let tap = 0; tap < 9; tap++) taps[tap] = weights[from + tap * perTap]!;
        transform(taps, elements);
        const to = firstWeight + c * layout.width + column;
        for (let element = 0; element < ELEMENTS; element++) floats[to + element * perElement] = elements[element]!;
      }
  }
  return packed;
}

/** GgGᵀ of the nine taps `g`: first Gg, then each of its rows. */
function transform(g: Float64Array, to: Float64Array): void {
  for (let j = 0; j < 3; j++) {
    const top = g[j]!;
    const bottom = g[6 + j]!;
    const outer = (top + bottom) / 2;
    const inner = g[3 + j]! / 2;
    to[j] = top;
    to[4 + j] = outer + inner;
    to[8 + j] = outer - inner;
    to[12 + j] = bottom;
  }
  for (let i = 0; i < ELEMENTS; i += 4) {
    const last = to[i + 2]!;
    const outer = (to[i]! + last) / 2;
    const inner = to[i + 1]! / 2;
    to[i + 1] = outer + inner;
    to[i + 2] = outer - inner;
    to[i + 3] = last;
  }
}
