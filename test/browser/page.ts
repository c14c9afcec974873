/** What runs in the browser: the tests call it by name and get plain values back. */
import { acquireDevice } from '../../engine/device/browser.ts';
import {
  allKernels,
  type Device,
  type DType,
  type Shape,
  scope,
  sourceOf,
  tensor,
  variantsOf,
} from '../../engine/index.ts';
import { shaderText } from '../../engine/shader-text.ts';
import { decode, encode } from '../../models/cap-vstnet/network.ts';
import { stylize } from '../../models/cap-vstnet/stylize.ts';
import { type Computed, executorOn } from '../support/executor.ts';
import type { DrawnInput } from '../support/samples.ts';
import { makeSmallNetwork, trainSmall } from '../support/small-network.ts';
import { freeNet, largestDifference, planarScene, SMALL, smallNet } from '../support/small-vstnet.ts';
import { mapValues, subjects } from '../support/subjects.ts';

/** Numbers on their way between the page and the tests. */
export interface Plain {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: readonly number[];
}
type PlainInputs = Readonly<Record<string, Plain>>;

let device: Device;
const SUBGROUP_WIDTHS = [4, 8, 16, 32, 64];

const drawn = (inputs: PlainInputs): Record<string, DrawnInput> =>
  mapValues(inputs, ({ shape, dtype, data }) => ({ dtype, ref: { shape, data: Float64Array.from(data) } }));
const plain = (computed: Record<string, Computed>): PlainInputs =>
  mapValues(computed, (one) => ({ ...one, data: Array.from(one.data) }));

/** Attributes may hold what cannot travel, such as tables: samples are found again by their place in the registry. */
function registered(name: string, index: number) {
  const subject = subjects().find((one) => one.name === name);
  if (!subject) throw new Error(`no op is called ${name}`);
  return { subject, sample: subject.samples[index] };
}

export const calls = {
  async acquire() {
    device = await acquireDevice({ poison: true, debug: true });
    const { info, capabilities } = device;
    return { info, capabilities };
  },

  async run(name: string, index: number, inputs: PlainInputs) {
    const { subject, sample } = registered(name, index);
    return plain(await executorOn(device).run(subject, drawn(inputs), sample));
  },

  async gradients(name: string, index: number, inputs: PlainInputs, cotangents: PlainInputs) {
    const { subject, sample } = registered(name, index);
    return plain(await executorOn(device).gradients(subject, drawn(inputs), drawn(cotangents), sample));
  },

  /** Hands every shader that the device may be given to the browser's compiler: how many, and what it says of them. */
  async compile() {
    const { f16, subgroups } = device.capabilities;
    const takes = ({ types }: ReturnType<typeof variantsOf>[number]) => f16 || (types.T !== 'f16' && types.U !== 'f16');
    // some kernels have halves alone
    const leftOut = (kernel: ReturnType<typeof allKernels>[number]) =>
      kernel.definition.subgroupMatrix ||
      (kernel.definition.subgroups && !subgroups) ||
      !variantsOf(kernel).some(takes);
    const sources = allKernels().flatMap((kernel) => {
      const { name, subgroups: inGroups, widths } = kernel.definition;
      if (leftOut(kernel)) return [];
      const variants = variantsOf(kernel).filter(takes);
      return (inGroups ? SUBGROUP_WIDTHS : [0]).flatMap((width) =>
        variants
          .filter(({ key }) => !widths || widths(width, key))
          .map(({ types, key }) => ({ kernel: name, ...sourceOf(kernel, types, key, width) })),
      );
    });
    const messages: string[] = [];
    for (const { label, header, files } of sources) {
      const code = [header, ...(await Promise.all(files.map(shaderText)))].join('\n');
      const info = await device.gpu.createShaderModule({ label, code }).getCompilationInfo();
      for (const { message } of info.messages) messages.push(`${label}: ${message}`);
    }
    const compiled = new Set(sources.map(({ kernel }) => kernel));
    const missed = allKernels().filter((kernel) => !leftOut(kernel) && !compiled.has(kernel.definition.name));
    return {
      kernels: compiled.size,
      shaders: sources.length,
      missed: missed.map(({ definition }) => definition.name),
      messages,
    };
  },

  /** Encodes and decodes a picture: the latent, and the largest error of what comes back. */
  async roundTrip(kind: keyof typeof SMALL, width: number, height: number) {
    const net = smallNet(device, SMALL[kind]);
    const { planar } = planarScene(width, height, 1);
    const [z, back] = scope(() => {
      const latent = encode(net.params, net.config, tensor(device, planar, [1, 3, height, width]));
      return [latent, decode(net.params, net.config, latent)];
    });
    const error = largestDifference(await back.data(), planar);
    const latent = { shape: [...z.shape], data: Array.from(await z.data()) };
    z.dispose();
    back.dispose();
    freeNet(net);
    return { error, latent };
  },

  /** Repaints a drawn picture in the style of another. */
  async repaint(kind: keyof typeof SMALL, width: number, height: number) {
    const net = smallNet(device, SMALL[kind]);
    const styles = [{ picture: planarScene(21, 34, 2), weight: 1 }];
    const painted = await stylize(net, planarScene(width, height, 1), styles);
    freeNet(net);
    return Array.from(painted);
  },

  async train(steps: number) {
    const network = makeSmallNetwork(device);
    const losses = await trainSmall(device, network, steps);
    for (const leaf of [...Object.values(network.params), network.x, network.target]) leaf.dispose();
    return losses;
  },

  async held() {
    return { tensors: device.liveTensors, bytes: device.pool.stats.usedBytes };
  },
};

export type Calls = typeof calls;
(globalThis as unknown as { calls: Calls }).calls = calls;
