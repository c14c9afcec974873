import { Tensor } from './tensor.ts';

/** Parameters are data: nested objects and arrays with tensors at the leaves. */
export type Tree = Tensor | { readonly [key: string]: Tree } | readonly Tree[];

/** The leaves in order, with dotted keys: the names that checkpoints use. */
export function leaves(tree: Tree, prefix = ''): [string, Tensor][] {
  if (tree instanceof Tensor) return [[prefix, tree]];
  const path = prefix ? `${prefix}.` : '';
  return Object.entries(tree).flatMap(([key, child]) =>
    child === undefined ? [] : leaves(child as Tree, `${path}${key}`),
  );
}

/** A tree of the same form with each leaf replaced by `fn` of it. */
export function mapTree<P extends Tree>(tree: P, fn: (tensor: Tensor, key: string) => Tensor, prefix = ''): P {
  if (tree instanceof Tensor) return fn(tree, prefix) as P;
  const path = prefix ? `${prefix}.` : '';
  if (Array.isArray(tree)) return tree.map((child, i) => mapTree(child, fn, `${path}${i}`)) as unknown as P;
  const entries = Object.entries(tree).filter(([, child]) => child !== undefined);
  return Object.fromEntries(entries.map(([key, child]) => [key, mapTree(child as Tree, fn, `${path}${key}`)])) as P;
}

/** The tree whose `leaves` these are; levels whose names begin at 0 become arrays. */
export function treeOf(entries: Iterable<readonly [string, Tensor]>): Tree {
  const root: Record<string, unknown> = {};
  for (const [key, leaf] of entries) {
    const path = key.split('.');
    let node = root;
    path.forEach((name, depth) => {
      if (depth === path.length - 1) node[name] = leaf;
      else node = (node[name] ??= path[depth + 1] === '0' ? [] : {}) as Record<string, unknown>;
    });
  }
  return root as Tree;
}
