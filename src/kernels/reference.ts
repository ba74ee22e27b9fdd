import type { OpName } from '../graph/ops/index.ts';
import { activationReference } from './activation/reference.ts';
import { convReference } from './conv/reference.ts';
import { depthwiseReference } from './depthwise/reference.ts';
import { matmulReference } from './matmul/reference.ts';
import { normalizeReference } from './normalize/reference.ts';
import { poolReference } from './pool/reference.ts';
import type { ReferenceKernel } from './reference-kernel.ts';
import { softmaxReference } from './softmax/reference.ts';
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
    'BatchToSpace', 'BatchToSpaceND', 'Bitcast', 'BroadcastArgs', 'BroadcastGradientArgs', 'BroadcastTo',
    'CheckNumerics', 'CheckNumericsV2', 'Concat', 'ConcatOffset', 'ConcatV2', 'ConjugateTranspose', 'Const',
    'DebugGradientIdentity', 'DeepCopy', 'DepthToSpace', 'Diag', 'DiagPart', 'DynamicPartition', 'DynamicStitch',
    'EditDistance', 'Empty', 'EnsureShape', 'ExpandDims', 'ExtractImagePatches', 'FakeQuantWithMinMaxArgs',
    'FakeQuantWithMinMaxVars', 'FakeQuantWithMinMaxVarsPerChannel', 'Fill', 'Fingerprint', 'Gather', 'GatherNd',
    'GatherV2', 'GuaranteeConst', 'Identity', 'IdentityN', 'ImmutableConst', 'InplaceAdd', 'InplaceSub',
    'InplaceUpdate', 'InvertPermutation', 'ListDiff', 'LowerBound', 'MatrixBandPart', 'MatrixDiag', 'MatrixDiagPart',
    'MatrixDiagPartV2', 'MatrixDiagPartV3', 'MatrixDiagV2', 'MatrixDiagV3', 'MatrixInverse', 'MatrixSetDiag',
    'MatrixSetDiagV2', 'MatrixSetDiagV3', 'MirrorPad', 'OneHot', 'OnesLike', 'Pack', 'Pad', 'PadV2', 'ParallelConcat',
    'ParallelDynamicStitch', 'PlaceholderWithDefault', 'PreventGradient', 'Rank', 'Reshape', 'Reverse',
    'ReverseSequence', 'ReverseV2', 'Roll', 'ScatterNd', 'ScatterNdNonAliasingAdd', 'Shape', 'ShapeN', 'Size', 'Slice',
    'Snapshot', 'SpaceToBatch', 'SpaceToBatchND', 'SpaceToDepth', 'Split', 'SplitV', 'Squeeze', 'StopGradient',
    'StridedSlice', 'TensorScatterAdd', 'TensorScatterMax', 'TensorScatterMin', 'TensorScatterSub',
    'TensorScatterUpdate', 'TensorStridedSliceUpdate', 'Tile', 'Transpose', 'Unique', 'UniqueV2', 'UniqueWithCounts',
    'UniqueWithCountsV2', 'Unpack', 'UnravelIndex', 'UpperBound', 'Where', 'ZerosLike',
  ]),
  // Elementwise, reductions, segments.
  ...marked('not-implemented', [
    'Abs', 'AccumulateNV2', 'Acos', 'Acosh', 'Add', 'AddN', 'AddV2', 'All', 'Angle', 'Any', 'ApproximateEqual',
    'ArgMax', 'ArgMin', 'Asin', 'Asinh', 'Atan', 'Atan2', 'Atanh', 'BesselI0e', 'BesselI1e', 'Betainc', 'Bincount',
    'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'Bucketize', 'Cast', 'Ceil', 'ClipByValue', 'Complex', 'ComplexAbs',
    'Conj', 'Cos', 'Cosh', 'Cross', 'Cumprod', 'Cumsum', 'CumulativeLogsumexp', 'DenseBincount', 'Digamma', 'Div',
    'DivNoNan', 'Einsum', 'Equal', 'Erf', 'Erfc', 'Erfinv', 'EuclideanNorm', 'Exp', 'Expm1', 'FFT', 'FFT2D', 'Floor',
    'FloorDiv', 'FloorMod', 'Greater', 'GreaterEqual', 'HistogramFixedWidth', 'IFFT', 'IFFT2D', 'Igamma', 'Igammac',
    'Imag', 'Inv', 'Invert', 'IRFFT', 'IRFFT2D', 'IsFinite', 'IsInf', 'IsNan', 'LeftShift', 'Less', 'LessEqual',
    'Lgamma', 'LinSpace', 'Log', 'Log1p', 'LogicalAnd', 'LogicalNot', 'LogicalOr', 'Max', 'Maximum', 'Mean', 'Min',
    'Minimum', 'Mod', 'Mul', 'MulNoNan', 'Ndtri', 'Neg', 'NextAfter', 'NotEqual', 'Polygamma', 'PopulationCount',
    'Pow', 'Prod', 'Range', 'Real', 'RealDiv', 'Reciprocal', 'RFFT', 'RFFT2D', 'RightShift', 'Rint', 'Round', 'Rsqrt',
    'SegmentMax', 'SegmentMean', 'SegmentMin', 'SegmentProd', 'SegmentSum', 'Select', 'SelectV2', 'Sigmoid', 'Sign',
    'Sin', 'Sinh', 'Sqrt', 'Square', 'SquaredDifference', 'Sub', 'Sum', 'Tan', 'Tanh', 'TruncateDiv', 'TruncateMod',
    'UnsortedSegmentMax', 'UnsortedSegmentMin', 'UnsortedSegmentProd', 'UnsortedSegmentSum', 'Xdivy', 'Xlog1py',
    'Xlogy', 'Zeta',
  ]),
  // Pictures, boxes.
  ...marked('not-implemented', [
    'AdjustContrast', 'AdjustContrastv2', 'AdjustHue', 'AdjustSaturation', 'CombinedNonMaxSuppression',
    'CropAndResize', 'DecodeAndCropJpeg', 'DecodeBmp', 'DecodeGif', 'DecodeImage', 'DecodeJpeg', 'DecodePng',
    'DrawBoundingBoxes', 'DrawBoundingBoxesV2', 'EncodeJpeg', 'EncodePng', 'ExtractGlimpse', 'ExtractGlimpseV2',
    'ExtractJpegShape', 'GenerateBoundingBoxProposals', 'HSVToRGB', 'ImageProjectiveTransformV2',
    'ImageProjectiveTransformV3', 'NonMaxSuppression', 'NonMaxSuppressionV2', 'NonMaxSuppressionV3',
    'NonMaxSuppressionV4', 'NonMaxSuppressionV5', 'NonMaxSuppressionWithOverlaps', 'ResizeArea', 'ResizeBicubic',
    'ResizeBilinear', 'ResizeNearestNeighbor', 'RGBToHSV', 'ScaleAndTranslate',
  ]),
  // Random numbers.
  ...marked('not-implemented', [
    'Multinomial', 'ParameterizedTruncatedNormal', 'RandomCrop', 'RandomGamma', 'RandomPoisson', 'RandomPoissonV2',
    'RandomShuffle', 'RandomStandardNormal', 'RandomUniform', 'RandomUniformInt', 'StatefulStandardNormal',
    'StatefulStandardNormalV2', 'StatefulTruncatedNormal', 'StatefulUniform', 'StatefulUniformFullInt',
    'StatefulUniformInt', 'StatelessMultinomial', 'StatelessRandomGetAlg', 'StatelessRandomGetKeyCounter',
    'StatelessRandomGetKeyCounterAlg', 'StatelessRandomNormal', 'StatelessRandomNormalV2', 'StatelessRandomUniform',
    'StatelessRandomUniformFullInt', 'StatelessRandomUniformFullIntV2', 'StatelessRandomUniformInt',
    'StatelessRandomUniformIntV2', 'StatelessRandomUniformV2', 'StatelessShuffle', 'StatelessTruncatedNormal',
    'StatelessTruncatedNormalV2', 'TruncatedNormal',
  ]),
  // Control flow that the executor does not interpret, arrays and lists of tensors.
  ...marked('not-implemented', [
    'Abort', 'Assert', 'EmptyTensorList', 'FakeParam', 'OptionalFromValue', 'OptionalGetValue', 'OptionalHasValue',
    'OptionalNone', 'Print', 'PrintV2', 'RefIdentity', 'RefSelect', 'TensorArrayCloseV2', 'TensorArrayCloseV3',
    'TensorArrayConcatV3', 'TensorArrayGatherV3', 'TensorArrayReadV3', 'TensorArrayScatterV3', 'TensorArraySizeV3',
    'TensorArraySplitV3', 'TensorArrayV3', 'TensorArrayWriteV3', 'TensorListConcat', 'TensorListConcatLists',
    'TensorListConcatV2', 'TensorListElementShape', 'TensorListFromTensor', 'TensorListGather', 'TensorListGetItem',
    'TensorListLength', 'TensorListPopBack', 'TensorListPushBack', 'TensorListPushBackBatch', 'TensorListReserve',
    'TensorListResize', 'TensorListScatter', 'TensorListScatterIntoExistingList', 'TensorListScatterV2',
    'TensorListSetItem', 'TensorListSplit', 'TensorListStack', 'ToBool',
  ]),
  // Variables.
  ...marked('not-implemented', [
    'Assign', 'AssignAdd', 'AssignAddVariableOp', 'AssignSub', 'AssignSubVariableOp', 'AssignVariableOp', 'CountUpTo',
    'DestroyResourceOp', 'DestroyTemporaryVariable', 'DisableCopyOnRead', 'IsVariableInitialized', 'ReadVariableOp',
    'ResourceCountUpTo', 'ResourceGather', 'ResourceGatherNd', 'ResourceScatterAdd', 'ResourceScatterDiv',
    'ResourceScatterMax', 'ResourceScatterMin', 'ResourceScatterMul', 'ResourceScatterNdAdd', 'ResourceScatterNdSub',
    'ResourceScatterNdUpdate', 'ResourceScatterSub', 'ResourceScatterUpdate', 'ResourceStridedSliceAssign',
    'ScatterAdd', 'ScatterDiv', 'ScatterMax', 'ScatterMin', 'ScatterMul', 'ScatterNdAdd', 'ScatterNdSub',
    'ScatterNdUpdate', 'ScatterSub', 'ScatterUpdate', 'TemporaryVariable', 'VarHandleOp', 'Variable', 'VariableShape',
    'VariableV2', 'VarIsInitializedOp',
  ]),
  // Strings, tables, parsing, files.
  ...marked('not-implemented', [
    'AnonymousHashTable', 'AnonymousMutableHashTable', 'AsString', 'DecodeBase64', 'DecodeCompressed', 'DecodeCSV',
    'DecodeJSONExample', 'DecodePaddedRaw', 'DecodeRaw', 'EncodeBase64', 'HashTable', 'HashTableV2',
    'HistogramSummary', 'InitializeTable', 'InitializeTableFromTextFile', 'InitializeTableFromTextFileV2',
    'InitializeTableV2', 'LookupTableExport', 'LookupTableExportV2', 'LookupTableFind', 'LookupTableFindV2',
    'LookupTableImport', 'LookupTableImportV2', 'LookupTableInsert', 'LookupTableInsertV2', 'LookupTableRemoveV2',
    'LookupTableSize', 'LookupTableSizeV2', 'MatchingFiles', 'MergeSummary', 'MergeV2Checkpoints',
    'MutableDenseHashTable', 'MutableDenseHashTableV2', 'MutableHashTable', 'MutableHashTableOfTensors',
    'MutableHashTableOfTensorsV2', 'MutableHashTableV2', 'ParseExample', 'ParseExampleV2', 'ParseSequenceExample',
    'ParseSequenceExampleV2', 'ParseSingleExample', 'ParseSingleSequenceExample', 'ParseTensor', 'ReadFile',
    'ReduceJoin', 'RegexFullMatch', 'RegexReplace', 'Restore', 'RestoreSlice', 'RestoreV2', 'Save', 'SaveSlices',
    'SaveV2', 'ScalarSummary', 'SerializeTensor', 'ShardedFilename', 'ShardedFilespec', 'StaticRegexFullMatch',
    'StaticRegexReplace', 'StringFormat', 'StringJoin', 'StringLength', 'StringLower', 'StringNGrams', 'StringSplit',
    'StringSplitV2', 'StringStrip', 'StringToHashBucket', 'StringToHashBucketFast', 'StringToHashBucketStrong',
    'StringToNumber', 'StringUpper', 'Substr', 'TensorSummary', 'TensorSummaryV2', 'Timestamp', 'UnicodeDecode',
    'UnicodeDecodeWithOffsets', 'UnicodeEncode', 'UnicodeScript', 'UnicodeTranscode', 'UnsortedSegmentJoin',
    'WriteFile',
  ]),
  // Sparse and ragged tensors.
  ...marked('not-implemented', [
    'AddManySparseToTensorsMap', 'AddSparseToTensorsMap', 'DenseToDenseSetOperation', 'DenseToSparseSetOperation',
    'DeserializeManySparse', 'DeserializeSparse', 'RaggedCross', 'RaggedGather', 'RaggedRange',
    'RaggedTensorFromVariant', 'RaggedTensorToSparse', 'RaggedTensorToTensor', 'RaggedTensorToVariant',
    'SerializeManySparse', 'SerializeSparse', 'SetSize', 'SparseAdd', 'SparseBincount', 'SparseConcat', 'SparseCross',
    'SparseCrossHashed', 'SparseCrossV2', 'SparseDenseCwiseAdd', 'SparseDenseCwiseDiv', 'SparseDenseCwiseMul',
    'SparseFillEmptyRows', 'SparseReduceMax', 'SparseReduceMaxSparse', 'SparseReduceSum', 'SparseReduceSumSparse',
    'SparseReorder', 'SparseReshape', 'SparseSegmentMean', 'SparseSegmentMeanWithNumSegments', 'SparseSegmentSqrtN',
    'SparseSegmentSqrtNWithNumSegments', 'SparseSegmentSum', 'SparseSegmentSumWithNumSegments', 'SparseSlice',
    'SparseSoftmax', 'SparseSparseMaximum', 'SparseSparseMinimum', 'SparseSplit', 'SparseTensorDenseAdd',
    'SparseTensorDenseMatMul', 'SparseToDense', 'SparseToSparseSetOperation', 'TakeManySparseFromTensorsMap',
  ]),
  // Sound.
  ...marked('not-implemented', [
    'AudioMicrofrontend', 'AudioSpectrogram', 'AudioSummary', 'AudioSummaryV2', 'DecodeWav', 'EncodeWav', 'Mfcc',
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
    'Dequantize', '_FusedQuantizedConv2D', '_FusedQuantizedDepthwiseConv2D', 'QuantizeAndDequantize',
    'QuantizeAndDequantizeV2', 'QuantizeAndDequantizeV3', 'QuantizeAndDequantizeV4', 'QuantizedAdd',
    'QuantizedAvgPool', 'QuantizedBatchNormWithGlobalNormalization', 'QuantizedBiasAdd', 'QuantizedConcat',
    'QuantizedConcatV2', 'QuantizedConv2D', 'QuantizedConv2DAndRelu', 'QuantizedConv2DAndReluAndRequantize',
    'QuantizedConv2DAndRequantize', 'QuantizedConv2DPerChannel', 'QuantizedConv2DWithBias',
    'QuantizedConv2DWithBiasAndRelu', 'QuantizedConv2DWithBiasAndReluAndRequantize',
    'QuantizedConv2DWithBiasAndRequantize', 'QuantizedConv2DWithBiasSignedSumAndReluAndRequantize',
    'QuantizedConv2DWithBiasSumAndRelu', 'QuantizedConv2DWithBiasSumAndReluAndRequantize', 'QuantizedDepthwiseConv2D',
    'QuantizedDepthwiseConv2DWithBias', 'QuantizedDepthwiseConv2DWithBiasAndRelu',
    'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize', 'QuantizedInstanceNorm', 'QuantizedMatMul',
    '_QuantizedMatMul', 'QuantizedMatMulWithBias', 'QuantizedMatMulWithBiasAndDequantize',
    'QuantizedMatMulWithBiasAndRelu', 'QuantizedMatMulWithBiasAndReluAndRequantize',
    'QuantizedMatMulWithBiasAndRequantize', 'QuantizedMaxPool', '_QuantizedMaxPool3D', 'QuantizedMul',
    'QuantizeDownAndShrinkRange', 'QuantizedRelu', 'QuantizedRelu6', 'QuantizedReluX', 'QuantizedReshape',
    'QuantizedResizeBilinear', 'QuantizeV2', 'RequantizationRange', 'RequantizationRangePerChannel', 'Requantize',
    'RequantizePerChannel', 'UniformQuantize', 'UniformQuantizedAdd', 'UniformQuantizedClipByValue',
    'UniformQuantizedConvolution', 'UniformQuantizedConvolutionHybrid', 'UniformQuantizedDot',
    'UniformQuantizedDotHybrid',
  ]),
};

/** How each op is computed in plain TypeScript. */
export const reference: Readonly<Record<OpName, ReferenceKernel | ByExecutor | NotImplemented>> = {
  ...missing,
  ...topKReference,
  ...softmaxReference,
  ...activationReference,
  ...normalizeReference,
  ...poolReference,
  ...matmulReference,
  ...depthwiseReference,
  ...convReference,
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
