/** An optimiser's tensors by the names that checkpoints and messages use. */
import { leaves, overwrite, type Tensor, type Tree } from '../../engine/index.ts';
import type { Adam } from './adam.ts';

/** Both moments, under PyTorch's names: `exp_avg.KEY`, `exp_avg_sq.KEY`. */
export function namedMoments({ moment1, moment2 }: Adam<Tree>): [string, Tensor][] {
  const named = (prefix: string, tree: Tree) =>
    leaves(tree).map(([key, leaf]): [string, Tensor] => [`${prefix}.${key}`, leaf]);
  return [...named('exp_avg', moment1), ...named('exp_avg_sq', moment2)];
}

/** Overwrites tensors in place with the values of their names; the others stay. */
export function overwriteNamed(targets: ReadonlyMap<string, Tensor>, values: ReadonlyMap<string, Float32Array>): void {
  for (const [key, target] of targets) {
    const found = values.get(key);
    if (found) overwrite(target, found);
  }
}

/** The first gradient, then the first parameter, that holds a NaN or an infinity, by name. */
export async function firstBadTensor(optimizers: readonly Adam<Tree>[]): Promise<string | undefined> {
  const groups = [
    ...optimizers.map(({ gradients }) => ['gradient', gradients] as const),
    ...optimizers.map(({ params }) => ['parameter', params] as const),
  ];
  for (const [kind, tree] of groups) {
    for (const [key, leaf] of leaves(tree)) {
      if (!(await leaf.data()).every(Number.isFinite)) return `${kind} of ${key}`;
    }
  }
  return undefined;
}
