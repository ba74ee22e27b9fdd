import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type DataType = 'fp32' | 'int8';

/** What is measured: an engine with a form of the network. */
export type Engine = {
  readonly name: string;
  readonly dtype: DataType;
  /** The file in the network's folder. */
  readonly file: string;
  /** The engine of peer.py; octet's own worker where there is none. */
  readonly peer?: 'tensorflow' | 'onnxruntime' | 'openvino';
};

// biome-ignore format: one row an engine
export const engines: readonly Engine[] = [
  { name: 'TensorFlow',   dtype: 'fp32', file: 'fp32.pb',               peer: 'tensorflow' },
  { name: 'ONNX Runtime', dtype: 'fp32', file: 'fp32.onnx',             peer: 'onnxruntime' },
  { name: 'ONNX Runtime', dtype: 'int8', file: 'onnxruntime-int8.onnx', peer: 'onnxruntime' },
  { name: 'OpenVINO',     dtype: 'fp32', file: 'fp32.onnx',             peer: 'openvino' },
  { name: 'OpenVINO',     dtype: 'int8', file: 'openvino-int8.xml',     peer: 'openvino' },
  { name: 'octet',        dtype: 'fp32', file: 'octet-fp32.pb' },
  { name: 'octet',        dtype: 'int8', file: 'octet-int8.pb' },
];

export type Setting = {
  readonly folder: string;
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
};

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The command line of an engine's worker. */
export function workerOf(
  { peer, file }: Engine,
  { folder, size, batch, threads }: Setting,
  python: string | undefined,
): { readonly command: string; readonly args: readonly string[] } {
  const numbers = [size, batch, threads].map(String);
  const model = join(folder, file);
  if (peer !== undefined) return { command: python!, args: [script('peer.py'), peer, model, ...numbers] };
  // The same loader that runs this script.
  return { command: process.execPath, args: [...process.execArgv, script('octet.ts'), model, ...numbers] };
}
