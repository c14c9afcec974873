import { beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type AnyOp, allOps, type Device, type Ref, type Sample, scope, sizeOf } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { type DrawnInput, draw, generator, toTensor } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await acquireDevice({
    device: process.env.MIAOBI_DEVICE,
    plainFeatures: true,
    plainLimits: true,
    poison: true,
  });
});

type AnySample = Sample<string, object>;

describe('without optional features and at the default limits of WebGPU', () => {
  for (const op of allOps()) {
    const sample = largestSample(op);
    if (sample) it(`${op.definition.name} computes its definition`, () => check(op, sample));
  }
});

/** Large samples are those that variants for better devices take. */
function largestSample({ definition }: AnyOp): AnySample | undefined {
  const size = ({ inputs }: AnySample) =>
    Object.values(inputs).reduce((n, input) => n + (input ? sizeOf('shape' in input ? input.shape : input) : 0), 0);
  return (definition.samples as AnySample[])
    .filter(({ bench, dtypes }) => !bench && (dtypes ?? ['f32']).includes('f32'))
    .sort((a, b) => size(b) - size(a))[0];
}

async function check({ definition }: AnyOp, sample: AnySample): Promise<void> {
  const attrs = { ...definition.defaults, ...sample.attrs };
  // an op that makes f16 of f32 cannot run here
  if ((attrs as { dtype?: string }).dtype === 'f16') return;
  const random = generator(11);
  const drawn: Record<string, DrawnInput> = {};
  for (const name of definition.inputs as string[]) {
    const input = sample.inputs[name];
    if (input) drawn[name] = draw(input, 'f32', random);
  }
  const refs = Object.fromEntries(Object.entries(drawn).map(([name, { ref }]) => [name, ref]));
  const want = definition.reference(refs, attrs) as Record<string, Ref>;
  const op = allOps().find((one) => one.definition === definition) as AnyOp;
  const outputs = scope(() =>
    op(Object.fromEntries(Object.entries(drawn).map(([name, input]) => [name, toTensor(device, input)])), attrs),
  );
  const specs = Object.fromEntries(
    Object.entries(drawn).map(([name, { ref, dtype }]) => [name, { shape: ref.shape, dtype }]),
  );
  const units = (definition.roundings ?? 4) * Math.sqrt((definition.reduction ?? (() => 1))(specs, attrs));
  for (const [name, ref] of Object.entries(want)) {
    expect(outputs[name].shape).toEqual(ref.shape);
    expectClose(await outputs[name].data(), ref, units * unitOf('f32'), name);
  }
  for (const output of Object.values(outputs)) output.dispose();
}
