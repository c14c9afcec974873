import { grad, leaves, mapTree, type Tensor, type Tree } from '../../engine/index.ts';
import { add, affine } from '../../kernels/index.ts';

/** What several micro-batches come to. */
export interface Accumulated<P extends Tree, Terms> {
  /** of each micro-batch */
  readonly terms: readonly Terms[];
  /** mean over the micro-batches */
  readonly grads: P;
}

/**
 * Gradients of each micro-batch's loss, averaged. One micro-batch holds its activations at a time.
 *
 * @param losses  of one; `loss` is what is differentiated
 */
export function accumulatedGrads<P extends Tree, Inputs, Terms extends { readonly loss: Tensor }>(
  params: P,
  batches: readonly Inputs[],
  losses: (params: P, inputs: Inputs) => Terms,
): Accumulated<P, Terms> {
  const terms: Terms[] = [];
  let total: P | undefined;
  for (const inputs of batches) {
    const { value, grads } = grad((p: P) => losses(p, inputs))(params);
    terms.push(value);
    total = total ? sumAndFree(total, grads) : grads;
  }
  const sum = total as P;
  if (batches.length === 1) return { terms, grads: sum };
  return { terms, grads: mapTree(sum, (leaf) => affine(leaf, { scale: 1 / batches.length })) };
}

/** a + b leaf by leaf, freeing both. */
function sumAndFree<P extends Tree>(a: P, b: P): P {
  const others = leaves(b);
  let next = 0;
  return mapTree(a, (leaf) => {
    const [, other] = others[next++];
    const out = add(leaf, other);
    leaf.dispose();
    other.dispose();
    return out;
  });
}
