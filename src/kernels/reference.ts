import type { OpName } from '../graph/ops/index.ts';
import { activationReference } from './activation/reference.ts';
import { arrayReference } from './array/reference.ts';
import { audioReference } from './audio/reference.ts';
import { controlReference } from './control/reference.ts';
import { convReference } from './conv/reference.ts';
import { depthwiseReference } from './depthwise/reference.ts';
import { detectionReference } from './detection/reference.ts';
import { imageReference } from './image/reference.ts';
import { mathReference } from './math/reference.ts';
import { matmulReference } from './matmul/reference.ts';
import { normalizeReference } from './normalize/reference.ts';
import { parsingReference } from './parsing/reference.ts';
import { poolReference } from './pool/reference.ts';
import { quantizeReference } from './quantize/reference.ts';
import { quantizedArrayReference } from './quantized-array/reference.ts';
import { quantizedConvReference } from './quantized-conv/reference.ts';
import { quantizedEltwiseReference } from './quantized-eltwise/reference.ts';
import { quantizedMatmulReference } from './quantized-matmul/reference.ts';
import { quantizedNormReference } from './quantized-norm/reference.ts';
import { quantizedPoolReference } from './quantized-pool/reference.ts';
import { randomReference } from './random/reference.ts';
import { reduceReference } from './reduce/reference.ts';
import type { ReferenceKernel } from './reference-kernel.ts';
import { requantizeReference } from './requantize/reference.ts';
import { softmaxReference } from './softmax/reference.ts';
import { sparseReference } from './sparse/reference.ts';
import { stateReference } from './state/reference.ts';
import { stringsReference } from './strings/reference.ts';
import { tablesReference } from './tables/reference.ts';
import { tensorListReference } from './tensor-list/reference.ts';
import { topKReference } from './top-k/reference.ts';

/** The executor's own: control flow, functions, fed inputs. */
export type ByExecutor = 'by-executor';
/** octet reads, rewrites and writes the op but can't run it. */
export type NotImplemented = 'not-implemented';

const marked = <M extends string, N extends OpName>(mark: M, names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, mark])) as Readonly<Record<N, M>>;

/** Named one by one, so that an op nobody thought of does not compile. A family that adds a kernel takes its name out of here. */
// biome-ignore format: lists of names
const missing = {
  // Moving elements about.
  ...marked('not-implemented', [
    'ConjugateTranspose', 'EditDistance', 'Fingerprint', 'ImmutableConst', 'MatrixInverse',
  ]),
  // Elementwise, reductions, segments.
  ...marked('not-implemented', [
    'BesselI0e', 'BesselI1e', 'Betainc', 'FFT', 'FFT2D', 'IFFT', 'IFFT2D', 'Igamma', 'Igammac', 'IRFFT', 'IRFFT2D',
    'NextAfter', 'Polygamma', 'RFFT', 'RFFT2D', 'Zeta',
  ]),
  // Pictures, boxes.
  ...marked('not-implemented', [
    'AdjustContrast', 'DecodeAndCropJpeg', 'DecodeBmp', 'DecodeGif', 'DecodeImage', 'DecodeJpeg', 'DecodePng',
    'DrawBoundingBoxes', 'DrawBoundingBoxesV2', 'EncodeJpeg', 'EncodePng', 'ExtractGlimpse', 'ExtractGlimpseV2',
    'ExtractJpegShape', 'GenerateBoundingBoxProposals', 'ImageProjectiveTransformV2', 'ImageProjectiveTransformV3',
    'ScaleAndTranslate',
  ]),
  // Random numbers.
  ...marked('not-implemented', [
    'Multinomial', 'ParameterizedTruncatedNormal', 'RandomCrop', 'RandomGamma', 'RandomPoisson', 'RandomPoissonV2',
    'RandomShuffle', 'StatefulStandardNormal', 'StatefulStandardNormalV2', 'StatefulTruncatedNormal',
    'StatefulUniform', 'StatefulUniformFullInt', 'StatefulUniformInt', 'StatelessMultinomial',
    'StatelessRandomGetKeyCounterAlg', 'StatelessRandomUniformFullInt', 'StatelessRandomUniformFullIntV2',
    'StatelessRandomUniformIntV2', 'StatelessShuffle', 'StatelessTruncatedNormal', 'StatelessTruncatedNormalV2',
    'TruncatedNormal',
  ]),
  // Variables.
  ...marked('not-implemented', [
    'Assign', 'AssignAdd', 'AssignSub', 'CountUpTo',
    'DestroyTemporaryVariable', 'IsVariableInitialized',
    'ResourceCountUpTo', 'ResourceGatherNd', 'ResourceScatterAdd', 'ResourceScatterDiv',
    'ResourceScatterMax', 'ResourceScatterMin', 'ResourceScatterMul', 'ResourceScatterNdAdd', 'ResourceScatterNdSub',
    'ResourceScatterNdUpdate', 'ResourceScatterSub', 'ResourceScatterUpdate', 'ResourceStridedSliceAssign',
    'ScatterAdd', 'ScatterDiv', 'ScatterMax', 'ScatterMin', 'ScatterMul', 'ScatterNdAdd', 'ScatterNdSub',
    'ScatterNdUpdate', 'ScatterSub', 'ScatterUpdate', 'TemporaryVariable',
  ]),
  // Strings, tables, parsing, files.
  ...marked('not-implemented', [
    'DecodeCompressed',
    'DecodeJSONExample',
    'HistogramSummary',
    'MatchingFiles', 'MergeSummary', 'MergeV2Checkpoints',
    'MutableHashTableOfTensors',
    'MutableHashTableOfTensorsV2', 'ParseSequenceExample',
    'ParseSequenceExampleV2', 'ParseSingleSequenceExample', 'ParseTensor', 'ReadFile',
    'Restore', 'RestoreSlice', 'RestoreV2', 'Save', 'SaveSlices',
    'SaveV2', 'ScalarSummary', 'SerializeTensor',
    'TensorSummary', 'TensorSummaryV2', 'Timestamp',
    'UnicodeScript',
    'WriteFile',
  ]),
  // Sparse and ragged tensors.
  ...marked('not-implemented', [
    'AddManySparseToTensorsMap', 'AddSparseToTensorsMap', 'DenseToDenseSetOperation', 'DenseToSparseSetOperation',
    'DeserializeManySparse', 'DeserializeSparse', 'RaggedCross', 'RaggedGather',
    'RaggedTensorFromVariant', 'RaggedTensorToTensor', 'RaggedTensorToVariant',
    'SerializeManySparse', 'SerializeSparse', 'SetSize', 'SparseBincount',
    'SparseCrossHashed',
    'SparseReduceMaxSparse', 'SparseReduceSumSparse',
    'SparseSparseMaximum', 'SparseSparseMinimum',
    'SparseToSparseSetOperation', 'TakeManySparseFromTensorsMap',
  ]),
  // Sound.
  ...marked('not-implemented', [
    'AudioMicrofrontend', 'AudioSummary', 'AudioSummaryV2',
  ]),
  // Neural networks.
  ...marked('not-implemented', [
    'ApproxTopK', 'AvgPool3D', 'BlockLSTM', 'BlockLSTMV2', 'Conv', 'Conv3D', 'Conv3DBackpropInput',
    'Conv3DBackpropInputV2', 'CTCBeamSearchDecoder', 'CTCGreedyDecoder', 'DataFormatDimMap', 'DataFormatVecPermute',
    'DepthwiseConv2dNativeBackpropInput', 'Dilation2D', 'FractionalAvgPool', 'FractionalMaxPool', 'FusedPadConv2D',
    'FusedResizeAndPadConv2D', 'GRUBlockCell', 'LSTMBlockCell', 'MaxPool3D',
  ]),
  // Quantized.
  ...marked('not-implemented', [
    'QuantizedBatchNormWithGlobalNormalization',
    '_QuantizedMaxPool3D',
    'UniformQuantize', 'UniformQuantizedAdd', 'UniformQuantizedClipByValue',
    'UniformQuantizedConvolution', 'UniformQuantizedConvolutionHybrid', 'UniformQuantizedDot',
    'UniformQuantizedDotHybrid',
  ]),
};

/** How each op is computed in plain TypeScript. */
export const reference: Readonly<Record<OpName, ReferenceKernel | ByExecutor | NotImplemented>> = {
  ...missing,
  ...quantizedNormReference,
  ...quantizedArrayReference,
  ...quantizedEltwiseReference,
  ...quantizedPoolReference,
  ...quantizedMatmulReference,
  ...randomReference,
  ...detectionReference,
  ...imageReference,
  ...quantizedConvReference,
  ...requantizeReference,
  ...quantizeReference,
  ...topKReference,
  ...reduceReference,
  ...mathReference,
  ...arrayReference,
  ...softmaxReference,
  ...activationReference,
  ...normalizeReference,
  ...poolReference,
  ...matmulReference,
  ...depthwiseReference,
  ...convReference,
  ...controlReference,
  ...tensorListReference,
  ...stateReference,
  ...tablesReference,
  ...stringsReference,
  ...parsingReference,
  ...audioReference,
  ...sparseReference,
  ...marked('by-executor', [
    'Case',
    'For',
    'If',
    'StatelessCase',
    'StatelessIf',
    'StatelessWhile',
    'While',
    'PartitionedCall',
    'StatefulPartitionedCall',
    'SymbolicGradient',
    'Switch',
    '_SwitchN',
    'RefSelect',
    'RefSwitch',
    'Merge',
    'RefMerge',
    'Enter',
    'RefEnter',
    'Exit',
    'RefExit',
    'NextIteration',
    'RefNextIteration',
    'LoopCond',
    '_Arg',
    '_Retval',
    'NoOp',
    'ControlTrigger',
    'Placeholder',
    'PlaceholderV2',
  ]),
};
