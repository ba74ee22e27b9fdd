import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { arrayShapes } from './array.ts';
import { controlShapes } from './control.ts';
import { imageShapes } from './image.ts';
import { mathShapes } from './math.ts';
import { nnShapes } from './nn.ts';
import { randomShapes } from './random.ts';
import { unknownShape } from './unknown.ts';

const unknown = <N extends OpName>(names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, unknownShape])) as Readonly<Record<N, ShapeRule>>;

/** Named one by one, so that an op nobody thought of does not compile. A table that adds a rule takes its name out of here. */
// biome-ignore format: lists of names
const withoutRule = {
  // Moving elements about.
  ...unknown([
    'Fingerprint', 'MatrixDiagPartV2', 'MatrixDiagPartV3', 'MatrixDiagV2', 'MatrixDiagV3',
  ]),
  // Elementwise, reductions, segments.
  ...unknown([
    'Betainc', 'IRFFT', 'IRFFT2D', 'RFFT', 'RFFT2D',
  ]),
  // Pictures, boxes.
  ...unknown([
    'DecodeImage', 'EncodePng', 'ExtractGlimpse', 'ExtractGlimpseV2', 'GenerateBoundingBoxProposals',
  ]),
  // Random numbers.
  ...unknown([
    'RandomGamma', 'RandomPoisson', 'RandomPoissonV2',
  ]),
  // Control flow that the executor does not interpret, arrays and lists of tensors.
  ...unknown([
    'Abort', '_Arg', 'Assert', 'ControlTrigger', 'EmptyTensorList', 'FakeParam', 'For', 'NoOp', 'OptionalFromValue',
    'OptionalGetValue', 'OptionalHasValue', 'OptionalNone', 'Print', 'PrintV2', 'RefSelect', '_Retval',
    'SymbolicGradient', 'TensorArrayCloseV2', 'TensorArrayCloseV3', 'TensorArrayConcatV3', 'TensorArraySplitV3',
    'TensorListConcat', 'TensorListConcatLists', 'TensorListConcatV2', 'TensorListElementShape',
    'TensorListFromTensor', 'TensorListGather', 'TensorListGetItem', 'TensorListPopBack', 'TensorListPushBack',
    'TensorListPushBackBatch', 'TensorListReserve', 'TensorListResize', 'TensorListScatter',
    'TensorListScatterIntoExistingList', 'TensorListScatterV2', 'TensorListSetItem', 'TensorListSplit',
    'TensorListStack',
  ]),
  // Variables.
  ...unknown([
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
  ...unknown([
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
  ...unknown([
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
  ...unknown([
    'AudioMicrofrontend', 'AudioSpectrogram', 'AudioSummary', 'AudioSummaryV2', 'DecodeWav', 'EncodeWav', 'Mfcc',
  ]),
  // Neural networks.
  ...unknown([
    'ApproxTopK', 'AvgPool3D', 'BlockLSTM', 'BlockLSTMV2', 'Conv', 'Conv3D', 'Conv3DBackpropInput',
    'Conv3DBackpropInputV2', 'CTCBeamSearchDecoder', 'CTCGreedyDecoder', 'DepthwiseConv2dNativeBackpropInput',
    'Dilation2D', 'FractionalAvgPool', 'FractionalMaxPool', 'GRUBlockCell', 'LSTMBlockCell', 'MaxPool3D',
  ]),
  // Quantized.
  ...unknown([
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

/** For each op the shapes of its outputs. */
export const shapeRules: Readonly<Record<OpName, ShapeRule>> = {
  ...withoutRule,
  ...controlShapes,
  ...randomShapes,
  ...imageShapes,
  ...mathShapes,
  ...arrayShapes,
  ...nnShapes,
};
