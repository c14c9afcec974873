/** Cholesky factors and triangular solves on the device, with their gradients. */

import { cholesky, triangularSolve } from '../../../../kernels/index.ts';
import type { Builder } from '../../context.ts';
import { type Pass, runPass } from '../../passes.ts';
import type { Value } from '../../values.ts';
import { answers } from '../answers.ts';

/** L Lᵀ = A, X = L⁻¹ rhs, XT = L⁻ᵀ rhs; the gradient in A from L and from X apart. */
const choleskySolve: Builder = {
  async run(context) {
    const [a, rhs] = [context.inputs.get('A'), context.inputs.get('rhs')];
    const solve = (transposed: boolean): Pass['run'] => {
      return (_, [matrix, right]) => [triangularSolve(cholesky(matrix).l, right, { transposed })];
    };
    const fromL = await passOf({ inputs: { A: a }, outputs: ['L'], run: (_, [matrix]) => [cholesky(matrix).l] });
    const fromX = await passOf({ inputs: { A: a, rhs }, outputs: ['X'], run: solve(false) });
    const transposed = await passOf({ inputs: { A: a, rhs }, outputs: ['XT'], run: solve(true) });
    return answers({
      ...Object.fromEntries([...transposed, ...fromX, ...fromL]),
      ...renamed(fromL, 'gradient of input A', 'gradient of input A (from L)'),
      ...renamed(fromX, 'gradient of input A', 'gradient of input A (from X)'),
    });

    async function passOf(pass: Pass): Promise<Map<string, Value>> {
      const results = new Map<string, Value>();
      await runPass(context, pass, results);
      return results;
    }
  },
};

function renamed(results: ReadonlyMap<string, Value>, from: string, to: string): Record<string, Value> {
  const answer = results.get(from);
  return answer === undefined ? {} : { [to]: answer };
}

export const choleskies: Readonly<Record<string, Builder>> = { 'cap-vstnet/cholesky-solve': choleskySolve };
