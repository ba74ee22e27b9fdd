/** What the report's page shows, as it lies in the page: plain JSON, numbers rounded to what is seen. */
export type ReportData = {
  readonly title: string;
  /** Facts about how the model was made and measured: label and text. */
  readonly facts: readonly (readonly [label: string, text: string])[];
  readonly size: { readonly model: number; readonly reference?: number };
  /** Convolutions and matmuls in int8, of all; and their share of the multiply-adds. */
  readonly int8: { readonly nodes: number; readonly of: number; readonly macs: number; readonly allMacs: number };
  /** Shares from 0 to 1, but for `sqnr` (dB). */
  readonly figures: readonly { readonly name: string; readonly model?: number; readonly reference?: number }[];
  /** How many samples the figures were measured on. */
  readonly samples?: number;
  /** Milliseconds a sample: the median of so many runs. */
  readonly speed?: {
    readonly model: number;
    readonly reference?: number;
    readonly backend: string;
    readonly runs: number;
  };
  readonly time?: TimeData;
  readonly warnings: readonly { readonly kind: string; readonly node?: string; readonly text: string }[];
  readonly stages: readonly StageData[];
  /** What is known of fp32 values, by their names. */
  readonly values: readonly ValueData[];
  readonly layers: readonly LayerData[];
  /** Why what could be int8 is not. */
  readonly fp32: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
  readonly trials?: TrialsData;
};

/** Where the time goes, step by step in the order of the run: of the model, and of its reference. */
export type TimeData = {
  readonly machine: string;
  readonly model: readonly StepTime[];
  readonly reference?: readonly StepTime[];
};

export type StepFamily =
  | 'convolution'
  | 'depthwise'
  | 'matmul'
  | 'pooling'
  | 'conversion'
  | 'other'
  | 'reference kernel';

export type StepTime = {
  /** The node whose result it is, and the fp32 value that this stands for. */
  readonly node: string;
  readonly key: string;
  readonly family: StepFamily;
  readonly kernel: string;
  readonly ms: number;
  /** Of what the processor could multiply in that time. */
  readonly share?: number;
};

/** `island`: fp32 in the file, since TensorFlow has no int8 op for it, and int8 in octet's engine. */
export type NodeKind = 'int8' | 'island' | 'convert' | 'fp32' | 'other' | 'end';

/** One node as it is drawn; `x`, `y` are its middle. */
export type NodeData = {
  readonly name: string;
  readonly op: string;
  readonly kind: NodeKind;
  readonly x: number;
  readonly y: number;
  readonly type: string;
  /** The fp32 value that output 0 is, or stands for. */
  readonly key: string;
  /** The fp32 value that its data input is, or stands for. */
  readonly from?: string;
  readonly attrs: readonly (readonly [name: string, text: string])[];
  /** Constants it reads, which are not drawn. */
  readonly constants: readonly (readonly [name: string, type: string])[];
  readonly weights?: ChannelRanges;
  /** Why it is computed in fp32. */
  readonly reason?: string;
};

export type ChannelRanges = { readonly min: readonly number[]; readonly max: readonly number[] };

export type EdgeData = {
  readonly from: number;
  readonly to: number;
  readonly isInt8: boolean;
  /** x and y of each point in turn. */
  readonly points: readonly number[];
};

export type StageData = {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly NodeData[];
  readonly edges: readonly EdgeData[];
};

export type ValueData = {
  readonly key: string;
  readonly min?: number;
  readonly max?: number;
  /** Counts in equal bins from `min` to `max`. */
  readonly histogram?: readonly number[];
  /** The range that int8 codes stand for. */
  readonly low?: number;
  readonly high?: number;
  /** The share of elements beyond that range. */
  readonly saturated?: number;
  readonly sqnr?: number;
};

export type LayerData = {
  readonly layer: string;
  readonly op: string;
  /** dB; null where the values are equal. */
  readonly sqnr: number | null;
  readonly maxError: number;
  /** SQNR of the model's outputs when this layer alone is int8. */
  readonly alone?: number | null;
};

/** What `octet tune` tried. */
export type TrialsData = {
  readonly metric: string;
  readonly reference: number;
  readonly floor: number;
  readonly rows: readonly {
    readonly fp32: readonly string[];
    readonly figure: number;
    readonly seconds: number;
    readonly outcome: string;
  }[];
};
