/** Activations as functions of one number; `alpha` is LeakyRelu's slope. NaN passes through all of them, as in TensorFlow. */
export type Activation = (x: number, alpha: number) => number;

const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

export const activations = {
  Relu: (x) => (x < 0 ? 0 : x),
  Relu6: (x) => (x < 0 ? 0 : Math.min(x, 6)),
  LeakyRelu: (x, alpha) => (x < 0 ? x * alpha : x),
  Elu: (x) => (x < 0 ? Math.expm1(x) : x),
  Selu: (x) => (x < 0 ? seluScale * seluAlpha * Math.expm1(x) : seluScale * x),
  // log(1 + eˣ) without overflow.
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  HardSwish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  GeluExact: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  GeluApproximate: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
} as const satisfies Record<string, Activation>;

/** Error function, by its series for small and its continued fraction for large arguments; 1e-13 absolute. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(a) ? a : Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}
