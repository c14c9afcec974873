import { allComposites, allOps } from '../../engine/index.ts';
import '../../kernels/index.ts';

/** An op or composite, and about how long its tests take beside others'. */
export interface WeighedOp {
  readonly name: string;
  readonly weight: number;
}

/** A gradient takes differences of the reference in several directions, and kernels of its own. */
const GRADIENT = 2;
/** Kernels of an op are compiled once, however many samples it has. */
const COMPILING = 8;

/** Everything that is registered, in the order in which it is tested. */
export function weighedOps(): WeighedOp[] {
  const all = [
    ...allOps().map(({ definition }) => ({ ...definition, differentiable: definition.backward !== undefined })),
    ...allComposites().map((definition) => ({ ...definition, differentiable: true })),
  ];
  return all.map(({ name, samples, differentiable }) => {
    const tested = samples.filter(({ bench }) => !bench);
    const weights = tested.map(({ dtypes, gradient }) => {
      const passes = 1 + (differentiable && gradient !== false ? GRADIENT : 0);
      return passes * (dtypes?.length ?? 2);
    });
    return { name, weight: weights.reduce((sum, one) => sum + one, COMPILING) };
  });
}

/** Neighbours together, in as many groups of about the same weight; the heaviest group first. */
export function groupsOf(ops: readonly WeighedOp[], count: number): string[][] {
  const total = ops.reduce((sum, { weight }) => sum + weight, 0);
  const groups = new Map<number, WeighedOp[]>();
  let before = 0;
  for (const op of ops) {
    const group = Math.floor((count * (before + op.weight / 2)) / total);
    groups.set(group, [...(groups.get(group) ?? []), op]);
    before += op.weight;
  }
  const weightOf = (group: readonly WeighedOp[]) => group.reduce((sum, { weight }) => sum + weight, 0);
  return [...groups.values()].sort((a, b) => weightOf(b) - weightOf(a)).map((group) => group.map(({ name }) => name));
}
