import { type DataOf, type DType, isBigInt, isPlain } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import { formatShape, sameShape, sizeOf } from '../base/shape.ts';
import { bytesOf, numbersOf, reshaped, type Tensor, tensor, tensorFromBytes, tensorOf } from '../base/tensor.ts';
import { type Endpoint, endpoint, type Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';

/** Samples' feeds joined along the first axis. Throws `UserError` where they have none, or differ in the others. */
export function concatFeeds(all: readonly Feeds[], name: string): Feeds {
  const [first] = all as readonly [Feeds, ...Feeds[]];
  return new Map(
    Array.from(first.keys(), (key) => [
      key,
      concat(
        all.map((feeds) => feeds.get(key)!),
        key,
        name,
      ),
    ]),
  );
}

function concat(parts: readonly Tensor[], key: string, name: string): Tensor {
  const [first] = parts as readonly [Tensor, ...Tensor[]];
  const [rows, ...inner] = first.shape;
  const odd = parts.find((part) => !sameShape(part.shape.slice(1), inner) || part.dtype !== first.dtype);
  if (rows === undefined || odd !== undefined) {
    const shapes =
      odd === undefined ? formatShape(first.shape) : `${formatShape(first.shape)} and ${formatShape(odd.shape)}`;
    throw new UserError(`input '${key}' can't be batched: ${shapes}, from ${name} on`, {}, 'use a batch of 1');
  }
  const shape = [parts.reduce((sum, part) => sum + part.shape[0]!, 0), ...inner];
  if (first.dtype === 'string')
    return tensor(
      'string',
      shape,
      (parts as readonly Tensor<'string'>[]).flatMap((part) => part.data),
    );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + bytesOf(part).length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(bytesOf(part), at);
    at += bytesOf(part).length;
  }
  return tensorFromBytes(first.dtype, shape, bytes);
}

/** Row `index` along the first axis, which is kept with size 1. Shares memory with `t`. */
export function rowOf(t: Tensor, index: number): Tensor {
  const shape = [1, ...t.shape.slice(1)];
  const step = sizeOf(shape) * (t.dtype === 'complex64' ? 2 : 1);
  const range = [index * step, (index + 1) * step] as const;
  const data = t.dtype === 'string' ? t.data.slice(...range) : (t.data as Float32Array).subarray(...range);
  return tensor(t.dtype, shape, data as DataOf<DType>);
}

/**
 * `t` as the model's input takes it: the batch axis is added or dropped where ranks differ by one, and numbers are
 * converted (files tend to hold float64 and int64). Throws `UserError` where type or shape can't fit.
 */
export function fitted(t: Tensor, end: Endpoint): Tensor {
  const misfit = () =>
    new UserError(
      `input '${end.key}' takes ${end.dtype} ${formatShape(end.shape)}, the data gives ${t.dtype} ${formatShape(t.shape)}`,
      {},
      'correct the recipe or the data',
    );
  let fit = t;
  if (end.shape !== null) {
    const wanted = end.shape.length;
    if (fit.shape.length === wanted + 1 && fit.shape[0] === 1) fit = reshaped(fit, fit.shape.slice(1));
    else if (fit.shape.length === wanted - 1 && end.shape[0] !== undefined) fit = reshaped(fit, [1, ...fit.shape]);
    // The first axis is the batch, which may be joined or split later.
    const { shape } = fit;
    if (shape.length !== wanted || end.shape.some((dim, i) => i > 0 && dim !== null && dim !== shape[i]))
      throw misfit();
  }
  return fit.dtype === end.dtype ? fit : converted(fit, end.dtype, misfit);
}

function converted(t: Tensor, dtype: DType, misfit: () => UserError): Tensor {
  const numeric = (d: DType): boolean => isPlain(d) && d !== 'complex64' && d !== 'float16' && d !== 'bfloat16';
  if (!numeric(t.dtype) || !numeric(dtype)) throw misfit();
  const values = numbersOf(t);
  if (isBigInt(dtype) && !values.every(Number.isSafeInteger)) throw misfit();
  const out = tensorOf(dtype as 'float32', values, t.shape);
  // Rounding a float64 is what float32 is for; an integer that changes is a mistake.
  const exact = dtype === 'float32' || dtype === 'float64' || numbersOf(out).every((value, i) => value === values[i]);
  if (!exact) throw misfit();
  return out;
}

/**
 * What turns feeds by a recipe's names into feeds by the model's keys, checked and fitted. Where both sides have just one
 * input its name does not matter: a frozen graph has lost the names of the signature it came from.
 */
export function fitter(model: Model): (feeds: Feeds) => Feeds {
  const optional = (end: Endpoint) => model.graph.nodes.get(end.value.node)?.op === 'PlaceholderWithDefault';
  return (feeds) => {
    const out = new Map<string, Tensor>();
    for (const [name, value] of feeds) {
      const only = feeds.size === 1 && model.inputs.length === 1 ? model.inputs[0] : undefined;
      const end = only ?? endpoint(model.inputs, name);
      out.set(end.key, fitted(value, end));
    }
    const missing = model.inputs.find((end) => !out.has(end.key) && !optional(end));
    if (missing !== undefined)
      throw new UserError(`the data does not give the input '${missing.key}'`, {}, 'add it to the recipe or the data');
    return out;
  };
}
