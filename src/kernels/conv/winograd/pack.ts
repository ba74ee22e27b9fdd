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
  for (let panel = 0; panel < layout.panels; panel++) {
    const floats = new Float32Array(packed.buffer, panel * layout.panelBytes, layout.panelBytes / 4);
    floats[limits.low / 4] = spec.low ?? Number.NEGATIVE_INFINITY;
    floats[limits.high / 4] = spec.high ?? Number.POSITIVE_INFINITY;
    const first = panel * layout.width;
    if (bias !== undefined) floats.set(bias.subarray(first, first + layout.width), limits.bytes / 4 + 5 * perElement);
    let to = (limits.bytes + layout.header) / 4;
    for (let c = 0; c < channels; c++)
      for (let column = first; column < first + layout.width; column++, to++) {
        for (let tap = 0; tap < 9; tap++) taps[tap] = weights[(tap * channels + c) * columns + column]!;
        transform(taps, elements);
        for (let element = 0; element < ELEMENTS; element++) floats[to + element * perElement] = elements[element]!;
      }
  }
  return packed;
}

/** GgGᵀ of the nine taps `g`: first Gg, then each of its rows. */
function transform(g: Float64Array, to: Float64Array): void {
  for (let j = 0; j < 3; j++) {
    const [outer, inner] = [(g[j]! + g[6 + j]!) / 2, g[3 + j]! / 2];
    to[j] = g[j]!;
    to[4 + j] = outer + inner;
    to[8 + j] = outer - inner;
    to[12 + j] = g[6 + j]!;
  }
  for (let i = 0; i < ELEMENTS; i += 4) {
    const [a, b, c] = [to[i]!, to[i + 1]! / 2, to[i + 2]!];
    to[i + 1] = (a + c) / 2 + b;
    to[i + 2] = (a + c) / 2 - b;
    to[i + 3] = c;
  }
}
