/** Forward and backward passes of a network on the device, answered in the format's names. */

import { filled, leaves, scope, type Tensor, type Tree, tensor, treeOf, vjp } from '../../engine/index.ts';
import type { Context } from './context.ts';
import { sharedDevice } from './device.ts';
import { type Value, value } from './values.ts';

/** One run of a function of parameters and inputs. */
export interface Pass {
  /** `gradient of param KEY @ STAGE` */
  readonly stage?: string;
  /** what is fed, by role */
  readonly inputs: Readonly<Record<string, Value>>;
  /** names of what `run` returns */
  readonly outputs: readonly string[];
  readonly run: (params: Tree, inputs: readonly Tensor[]) => readonly Tensor[];
}

/**
 * Uploads parameters and inputs, runs, and where the case has cotangents for the outputs runs backwards: the scalar is
 * Σ over outputs of sum(output · cotangent). Adds `output NAME`, `gradient of input ROLE` and
 * `gradient of param KEY [@ STAGE]` to the results. Gradients are zero where nothing flows.
 */
export async function runPass(context: Context, pass: Pass, results: Map<string, Value>): Promise<void> {
  const device = await sharedDevice();
  const { inputs } = context;
  const names = Object.keys(pass.inputs);
  const found = scope(() => {
    const params = parameterTree(context.params, (p) => tensor(device, p.data, p.shape));
    const fed = names.map((role) => tensor(device, pass.inputs[role].data, pass.inputs[role].shape));
    const keyed = leaves(params);
    const wrt = [...fed, ...keyed.map(([, leaf]) => leaf)];
    const { outputs, pull, release } = vjp(() => pass.run(params, fed), wrt);
    const named = outputs.map((y, i) => [`output ${pass.outputs[i]}`, y] as const);
    const cotangents = outputs.map((y, i) => {
      const cotangent = inputs.cotangent(pass.outputs[i], y.shape, pass.outputs);
      return cotangent && tensor(device, cotangent.data, y.shape);
    });
    if (cotangents.every((cotangent) => !cotangent)) {
      release();
      return Object.fromEntries<Tensor>(named);
    }
    const suffix = pass.stage === undefined ? '' : ` @ ${pass.stage}`;
    const titles = [...names.map((role) => `input ${role}`), ...keyed.map(([key]) => `param ${key}${suffix}`)];
    const gradients = pull(cotangents).map(
      (g, i) => [`gradient of ${titles[i]}`, g ?? filled(wrt[i], wrt[i], 0)] as const,
    );
    return Object.fromEntries<Tensor>([...named, ...gradients]);
  });
  try {
    for (const [of, t] of Object.entries(found)) results.set(of, value(t.shape, await t.data()));
  } finally {
    for (const t of Object.values(found)) t.dispose();
  }
}

/** State-dict keys as a tree of tensors. */
export function parameterTree(params: ReadonlyMap<string, Value>, make: (p: Value) => Tensor): Tree {
  return treeOf([...params].map(([key, p]) => [key, make(p)] as const));
}
