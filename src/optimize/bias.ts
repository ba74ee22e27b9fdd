import { value } from '../graph/graph.ts';
import { op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { affineOps, chainBack, composed, type Link } from './affine.ts';
import { biasAdd } from './fold-batch-norms.ts';
import { rulePass } from './pass.ts';
import { weighted } from './weighted.ts';

/** The convolution or matrix product that `link` reads. */
const sourceOf = (link: Link | undefined, context: RewriteContext) =>
  link?.input.port === 0 ? weighted(context.find(link.input.node), context) : undefined;

/**
 * conv → Add[V2] or Sub of a constant a channel  ⇒  conv → BiasAdd.
 *
 * The constant may be [C], [1,1,1,C], a scalar (or [C,1,1] in NCHW), and stand on either side. Needs: float32; the sum has
 * the shape of the convolution. Exact.
 */
const addToBiasAdd = rule('add-to-bias-add', op(['Add', 'AddV2', 'Sub', 'BiasAddV1']), (_, context) => {
  const [link] = chainBack(value(context.root.name), context, true);
  const conv = sourceOf(link, context);
  const affine = conv && link && composed([link], conv.channels);
  if (affine?.offset === undefined || affine.scale !== undefined) return undefined;
  return biasAdd(link!.input, affine.offset, conv!, context);
});

/**
 * conv → BiasAdd(a) → BiasAdd(b), or an Add for either  ⇒  conv → BiasAdd(a + b).
 *
 * Needs: constants; nobody else reads the first sum. Exact up to rounding.
 */
const mergeBiases = rule('merge-biases', op(affineOps), (_, context) => {
  const links = chainBack(value(context.root.name), context, true);
  const conv = sourceOf(links.at(-1), context);
  const affine = conv && links.length > 1 ? composed(links, conv.channels) : undefined;
  if (affine?.offset === undefined || affine.scale !== undefined) return undefined;
  return biasAdd(links.at(-1)!.input, affine.offset, conv!, context);
});

export const bias = rulePass('bias', [mergeBiases, addToBiasAdd], 'outputs-first');
