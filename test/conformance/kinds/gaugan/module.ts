/** One network, or a part of it, as the cases run it: a pass in training with its gradients, then one in evaluation. */
import { filled, leaves, scope, type Tensor, type Tree, tensor, treeOf, vjp } from '../../../../engine/index.ts';
import { isBuffer, joinState, type Mode } from '../../../../models/layers/state.ts';
import type { Context } from '../../context.ts';
import { sharedDevice } from '../../device.ts';
import { type Value, value } from '../../values.ts';

export interface ModuleCase {
  /** inputs that gradients are taken in, by role */
  readonly inputs: readonly string[];
  /** of the pass with gradients; training by default */
  readonly mode?: Mode;
  /** what the scalar is beside Σ output · cotangent */
  readonly extra?: (outputs: Readonly<Record<string, Tensor>>) => Tensor | undefined;
  readonly run: (state: Tree, inputs: readonly Tensor[], mode: Mode) => Record<string, Tensor>;
}

const TRAINING: Mode = { training: true };

/** Answers outputs, gradients, `buffer KEY @ forward 1`, and all of it `@ eval` after a second pass with fixed buffers. */
export async function runModule(context: Context, { inputs: roles, mode = TRAINING, extra, run }: ModuleCase) {
  const device = await sharedDevice();
  const results = new Map<string, Value>();
  const { inputs, params: stored } = context;
  const upload = ({ data, shape }: Value) => tensor(device, data, shape);
  const fed = roles.map((role) => upload(inputs.get(role)));
  const entries = [...stored].map(([key, p]) => [key, upload(p)] as const);
  const trained = entries.filter(([key]) => !isBuffer(key));
  const buffers = new Map(entries.filter(([key]) => isBuffer(key)));
  const state = joinState(treeOf(trained), buffers);
  const named = async (tensors: Readonly<Record<string, Tensor>>, suffix = '') => {
    for (const [of, t] of Object.entries(tensors)) results.set(`${of}${suffix}`, value(t.shape, await t.data()));
  };

  const wrt = [...fed, ...trained.map(([, leaf]) => leaf)];
  const found = scope(() => {
    let names: string[] = [];
    const { outputs, pull } = vjp(() => {
      const made = run(state, fed, mode);
      names = Object.keys(made);
      const added = extra?.(made);
      return [...Object.values(made), ...(added ? [added] : [])];
    }, wrt);
    const cotangents = outputs.map((y, i) => {
      if (i >= names.length) return filled(y, y, 1);
      const cotangent = inputs.cotangent(names[i], y.shape, names);
      return cotangent && tensor(device, cotangent.data, y.shape);
    });
    const titles = [...roles.map((role) => `input ${role}`), ...trained.map(([key]) => `param ${key}`)];
    const gradients = pull(cotangents).map(
      (g, i) => [`gradient of ${titles[i]}`, g ?? filled(wrt[i], wrt[i], 0)] as const,
    );
    const ofOutputs = names.map((name, i) => [`output ${name}`, outputs[i]] as const);
    return Object.fromEntries<Tensor>([...ofOutputs, ...gradients]);
  });
  await named(found);
  for (const [key, buffer] of buffers) await named({ [`buffer ${key} @ forward 1`]: buffer });

  const evaluated = scope(() => run(state, fed, { training: false }));
  for (const [name, y] of Object.entries(evaluated)) await named({ [`output ${name} @ eval`]: y });
  for (const [key, buffer] of buffers) await named({ [`buffer ${key} @ eval`]: buffer });
  for (const t of [...Object.values(found), ...Object.values(evaluated), ...fed]) t.dispose();
  for (const [, leaf] of leaves(state)) leaf.dispose();
  return results;
}
