import { allOps, invariant, type Tensor } from '../engine/index.ts';
import '../kernels/index.ts';

/** An op of the registry, to be called by itself: gradients are, so that no forward pass is timed with them. */
export function opNamed(name: string): (inputs: Record<string, Tensor>, attrs: object) => Record<string, Tensor> {
  const op = allOps().find(({ definition }) => definition.name === name);
  invariant(op, `no op is called ${name}`);
  return op as unknown as (inputs: Record<string, Tensor>, attrs: object) => Record<string, Tensor>;
}
