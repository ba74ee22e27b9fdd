import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { arrayShapes } from './array.ts';
import { audioShapes } from './audio.ts';
import { controlShapes } from './control.ts';
import { dataShapes } from './data.ts';
import { imageShapes } from './image.ts';
import { mathShapes } from './math.ts';
import { nnShapes } from './nn.ts';
import { quantizedShapes } from './quantized.ts';
import { randomShapes } from './random.ts';
import { sparseShapes } from './sparse.ts';
import { stateShapes } from './state.ts';
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
    'DestroyResourceOp', 'DestroyTemporaryVariable', 'DisableCopyOnRead', 'ReadVariableOp',
    'ResourceCountUpTo', 'ResourceGather', 'ResourceGatherNd', 'ResourceScatterAdd', 'ResourceScatterDiv',
    'ResourceScatterMax', 'ResourceScatterMin', 'ResourceScatterMul', 'ResourceScatterNdAdd', 'ResourceScatterNdSub',
    'ResourceScatterNdUpdate', 'ResourceScatterSub', 'ResourceScatterUpdate', 'ResourceStridedSliceAssign',
    'ScatterAdd', 'ScatterDiv', 'ScatterMax', 'ScatterMin', 'ScatterMul', 'ScatterNdAdd', 'ScatterNdSub',
    'ScatterNdUpdate', 'ScatterSub', 'ScatterUpdate', 'VariableShape',
  ]),
  // Strings, tables, parsing, files.
  ...unknown([
    'DecodeCompressed', 'DecodeJSONExample',
    'InitializeTable', 'InitializeTableFromTextFile',
    'InitializeTableFromTextFileV2', 'InitializeTableV2',
    'LookupTableImport', 'LookupTableImportV2', 'LookupTableInsert', 'LookupTableInsertV2', 'LookupTableRemoveV2',
    'MatchingFiles', 'MergeV2Checkpoints',
    'MutableHashTableOfTensors', 'MutableHashTableOfTensorsV2',
    'ParseSequenceExample', 'ParseSequenceExampleV2', 'ParseSingleSequenceExample', 'ParseTensor',
    'Restore', 'RestoreSlice', 'RestoreV2', 'Save', 'SaveSlices', 'SaveV2',
    'TensorSummary', 'TensorSummaryV2',
    'UnicodeScript', 'UnsortedSegmentJoin',
    'WriteFile',
  ]),
  // Sparse and ragged tensors.
  ...unknown([
    'AddManySparseToTensorsMap', 'AddSparseToTensorsMap', 'DenseToDenseSetOperation', 'DenseToSparseSetOperation',
    'DeserializeManySparse', 'DeserializeSparse', 'RaggedCross', 'RaggedGather', 'RaggedRange',
    'RaggedTensorFromVariant', 'RaggedTensorToSparse', 'RaggedTensorToTensor', 'RaggedTensorToVariant',
    'SerializeManySparse', 'SerializeSparse', 'SetSize', 'SparseBincount', 'SparseCross',
    'SparseCrossHashed', 'SparseCrossV2',
    'SparseReduceMax', 'SparseReduceMaxSparse', 'SparseReduceSum', 'SparseReduceSumSparse',
    'SparseSparseMaximum', 'SparseSparseMinimum', 'SparseSplit',
    'SparseToSparseSetOperation', 'TakeManySparseFromTensorsMap',
  ]),
  // Sound.
  ...unknown([
    'AudioMicrofrontend', 'AudioSummary', 'AudioSummaryV2',
  ]),
  // Neural networks.
  ...unknown([
    'ApproxTopK', 'AvgPool3D', 'BlockLSTM', 'BlockLSTMV2', 'Conv', 'Conv3D', 'Conv3DBackpropInput',
    'Conv3DBackpropInputV2', 'CTCBeamSearchDecoder', 'CTCGreedyDecoder', 'DepthwiseConv2dNativeBackpropInput',
    'Dilation2D', 'FractionalAvgPool', 'FractionalMaxPool', 'GRUBlockCell', 'LSTMBlockCell', 'MaxPool3D',
  ]),
  // Quantized.
  ...unknown([
    'QuantizedBatchNormWithGlobalNormalization',
    '_QuantizedMaxPool3D',
    'UniformQuantize', 'UniformQuantizedAdd', 'UniformQuantizedClipByValue',
    'UniformQuantizedConvolution', 'UniformQuantizedConvolutionHybrid', 'UniformQuantizedDot',
    'UniformQuantizedDotHybrid',
  ]),
};

/** For each op the shapes of its outputs. */
export const shapeRules: Readonly<Record<OpName, ShapeRule>> = {
  ...withoutRule,
  ...audioShapes,
  ...sparseShapes,
  ...stateShapes,
  ...quantizedShapes,
  ...dataShapes,
  ...controlShapes,
  ...randomShapes,
  ...imageShapes,
  ...mathShapes,
  ...arrayShapes,
  ...nnShapes,
};
