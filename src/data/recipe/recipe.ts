import type { ResizeFilter } from '../image/resize.ts';

/** One number for all channels, or one for each in the order that the model reads them. */
export type PerChannel = number | readonly number[];

/**
 * How a picture is brought to size before the centre crop:
 * - `shortSide`: its shorter side becomes `size`, the other keeps the ratio, rounded to whole pixels;
 * - `exact`: `width` by `height`, whatever the ratio;
 * - `centreFraction`: the centred square of `fraction` of the shorter side is cut out, then resized to `size` squared.
 */
export type Resize =
  | { readonly mode: 'shortSide'; readonly size: number; readonly filter: ResizeFilter }
  | { readonly mode: 'exact'; readonly width: number; readonly height: number; readonly filter: ResizeFilter }
  | {
      readonly mode: 'centreFraction';
      readonly fraction: number;
      readonly size: number;
      readonly filter: ResizeFilter;
    };

/** A picture as a tensor [1, H, W, C]: (pixel · `scale` − `mean`) / `std`, channel by channel. */
export type ImageSource = {
  readonly kind: 'image';
  readonly resize?: Resize;
  /** The size of the centred part that is kept after resizing. */
  readonly crop?: { readonly width: number; readonly height: number };
  readonly channels?: 'RGB' | 'BGR';
  readonly layout?: 'NHWC' | 'NCHW';
  readonly scale?: PerChannel;
  readonly mean?: PerChannel;
  readonly std?: PerChannel;
  readonly dtype?: 'float32' | 'uint8' | 'int32';
  /** The feature of a tf.Example that holds the encoded picture; `image/encoded` by default. */
  readonly feature?: string;
};

/** A file's bytes as they are, a scalar string: sound, encoded pictures. */
export type FileSource = {
  readonly kind: 'file';
  readonly extensions: readonly string[];
  readonly feature?: string;
};

/** A serialized tf.Example, a string tensor [1]. Rows of a CSV are made into one; empty cells are left out. */
export type ExampleSource = {
  readonly kind: 'example';
  readonly features: {
    readonly int64?: readonly string[];
    readonly float?: readonly string[];
    readonly bytes?: readonly string[];
  };
};

/** One feature of a tf.Example or one column of a CSV as a tensor [1, …shape]. */
export type FeatureSource = {
  readonly kind: 'feature';
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'int64' | 'string';
  readonly shape?: readonly number[];
};

/** The users or items of a rating file: for each user the one item they chose and `negatives` others. */
export type RatingSource = { readonly kind: 'rating'; readonly column: 'user' | 'item' };

export type InputSource = ImageSource | FileSource | ExampleSource | FeatureSource | RatingSource;

/** What is measured. `output` is an output's key; the first one where left out. */
export type MetricRecipe =
  | { readonly kind: 'topK'; readonly output?: string; readonly k?: readonly number[] }
  | { readonly kind: 'auc'; readonly output?: string }
  | { readonly kind: 'ranking'; readonly output?: string; readonly k: number }
  | {
      readonly kind: 'detection';
      readonly boxes: string;
      readonly scores: string;
      readonly classes: string;
      readonly count?: string;
      readonly minScore?: number;
      readonly minOverlap?: number;
    }
  | { readonly kind: 'none' };

/** Which samples of a data set: those whose label is a multiple, then evenly spread or the first ones of them. */
export type Subset = {
  readonly labelMultipleOf?: number;
  readonly first?: number;
  readonly spread?: number;
};

/** How samples become a model's inputs, and its outputs figures: plain data, in JSON beside the model. */
export type Recipe = {
  readonly name: string;
  readonly description?: string;
  readonly inputs: readonly { readonly name: string; readonly from: InputSource }[];
  readonly outputs?: readonly string[];
  /**
   * Labels: `offset` is added to a class index to get the model's; `expression` over CSV columns gives 0 or 1 (or a
   * number); `feature` is the tf.Example feature that holds it.
   */
  readonly labels?: { readonly offset?: number; readonly expression?: string; readonly feature?: string };
  readonly metric?: MetricRecipe;
  readonly calibration?: Subset;
  /** The samples to evaluate on: all, all but the calibration's, or a subset. */
  readonly evaluation?: 'all' | 'rest' | Subset;
};
