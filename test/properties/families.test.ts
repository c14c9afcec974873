import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allOps, type Device, type Ref, scope, type Tensor } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { forceVariants } from '../../kernels/lib/variant.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { draw, generator, toTensor } from '../support/samples.ts';

const OPS = ['conv2d', 'conv2dActivated', 'convTranspose2d', 'conv2dWeightGrad', 'matmul', 'matmulActivated'];

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => forceVariants(undefined));

describe.each(['tiled', 'direct', 'winograd'])('the %s kernels', (family) => {
  for (const op of allOps()) {
    const { definition } = op;
    if (!OPS.includes(definition.name)) continue;
    definition.samples.forEach((sample, index) => {
      if (sample.bench) return;
      it(`compute ${definition.name}: sample ${index + 1} ${JSON.stringify(sample.attrs ?? {})}`, async () => {
        forceVariants(family);
        const random = generator(index + 1);
        const refs: Record<string, Ref> = {};
        const inputs: Record<string, Tensor> = {};
        for (const name of definition.inputs) {
          const input = sample.inputs[name];
          if (!input) continue;
          const drawn = draw(input, 'f32', random);
          refs[name] = drawn.ref;
          inputs[name] = toTensor(device, drawn);
        }
        const attrs = { ...definition.defaults, ...sample.attrs };
        const output = scope(() => op(inputs, attrs)[definition.outputs[0]]);
        const want = definition.reference(refs, attrs)[definition.outputs[0]] as Ref;
        const specs = Object.fromEntries(
          Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
        );
        const units = (definition.roundings ?? 4) * Math.sqrt(definition.reduction?.(specs, attrs) ?? 1);
        expect(output.shape).toEqual(want.shape);
        expectClose(await output.data(), want, units * unitOf('f32'), definition.name);
        for (const tensor of [output, ...Object.values(inputs)]) tensor.dispose();
      });
    });
  }
});
