/** Adversarial losses, and the semantic map of labels and instances. */

import { filled, scope, type Tensor, vjp } from '../../../../engine/index.ts';
import { denseMap } from '../../../../models/gaugan/semantic-map.ts';
import type { GanMode } from '../../../../train/choices.ts';
import { instanceEdges } from '../../../../train/data/image/instance-edges.ts';
import { type GanRole, ganLoss } from '../../../../train/losses/gan.ts';
import type { Builder } from '../../context.ts';
import { sharedDevice, take, withTensors } from '../../device.ts';
import { type Value, value } from '../../values.ts';
import { answers } from '../answers.ts';
import { labelTensor, single } from './networks.ts';

const ROLES: readonly GanRole[] = ['D_real', 'D_fake', 'G'];

/** Of every scale the last output counts. */
const ganLossKind: Builder = {
  async run({ config, inputs }) {
    const last = new Map<string, number>();
    for (const role of inputs.roles) {
      const [, scale, index] = /^pred\.(\d+)\.(\d+)$/.exec(role) ?? [];
      if (scale !== undefined) last.set(scale, Math.max(last.get(scale) ?? 0, Number(index)));
    }
    const roles = [...last].map(([scale, index]) => `pred.${scale}.${index}`);
    return withTensors(
      roles.map((role) => inputs.get(role)),
      async (predictions) => {
        const results = new Map<string, Value>();
        for (const mode of config.modes as GanMode[]) {
          for (const role of ROLES) {
            const { loss, gradients } = scope(() => {
              const { outputs, pull } = vjp(() => [ganLoss(mode, role, predictions)] as const, predictions);
              return { loss: outputs[0], gradients: pull([filled(outputs[0], outputs[0], 1)]) as Tensor[] };
            });
            results.set(`loss ${mode}.${role}`, single(await take(loss)));
            for (const [i, g] of gradients.entries()) {
              results.set(`gradient of loss ${mode}.${role} in input ${roles[i]}`, await take(g));
            }
          }
        }
        return results;
      },
    );
  },
};

/** The number of classes, and with don't-care one more. */
export function classesOf(config: Readonly<Record<string, unknown>>): number {
  return (config.label_nc as number) + (config.contain_dontcare_label ? 1 : 0);
}

/** Edges of every map of a batch [N, 1, H, W]. */
export function edgesOf({ shape, data }: Value): Float32Array {
  const [n, , height, width] = shape;
  const plane = height * width;
  const edges = new Float32Array(data.length);
  for (let i = 0; i < n; i++) {
    const ids = Int32Array.from(data.subarray(i * plane, (i + 1) * plane));
    edges.set(instanceEdges(ids, width, height), i * plane);
  }
  return edges;
}

const semanticsKind: Builder = {
  async run({ config, inputs }) {
    const device = await sharedDevice();
    const labels = labelTensor(device, inputs.get('label'));
    const instance = config.no_instance ? undefined : inputs.get('instance');
    const edges = instance && value(instance.shape, edgesOf(instance));
    return withTensors(edges ? [edges] : [], async ([edgeTensor]) => {
      const map = { labels, classes: classesOf(config), edges: edgeTensor as Tensor | undefined };
      const semantics = await take(scope(() => denseMap(map)));
      labels.dispose();
      return answers({ 'output semantics': semantics, ...(edges ? { 'output edges': edges } : {}) });
    });
  },
};

export const lossKinds: Readonly<Record<string, Builder>> = {
  'gaugan/gan-loss': ganLossKind,
  'gaugan/semantics': semanticsKind,
};
