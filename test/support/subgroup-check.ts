import { acquireDevice } from '../../engine/device/node.ts';
import { type AnyOp, allKernels, allOps, type Device, type Sample, scope, sizeOf } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { draw, generator, toTensor } from './samples.ts';

export interface SubgroupReport {
  readonly width: number;
  /** kernels with subgroup operations that ran */
  readonly kernels: readonly string[];
  /** ops whose results differ from those without subgroups by more than their tolerance */
  readonly wrong: readonly string[];
}

/**
 * Runs every sample of the named ops, and `more`, with subgroups and without, and compares; with subgroups by `variants`.
 * Made for a process of its own, since a software driver takes its width from the environment.
 */
export async function checkSubgroups(
  names: readonly string[],
  {
    variants,
    more = {},
  }: { variants?: string; more?: Readonly<Record<string, readonly Sample<string, object>[]>> } = {},
): Promise<SubgroupReport> {
  const device = await acquireDevice({ device: process.env.MIAOBI_DEVICE, kernels: variants, poison: true });
  const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE, plainFeatures: true, poison: true });
  const profiler = device.profile();
  const wrong: string[] = [];
  for (const op of allOps().filter(({ definition }) => names.includes(definition.name))) {
    const samples = [...(op.definition.samples as Sample<string, object>[]), ...(more[op.definition.name] ?? [])];
    for (const [i, sample] of samples.entries()) {
      if (sample.bench || !(sample.dtypes ?? ['f32']).includes('f32')) continue;
      const [a, b] = [await run(device, op, sample), await run(plain, op, sample)];
      const rms = Math.hypot(...b.values) / Math.sqrt(b.values.length);
      const tolerance = 4 * a.units * 2 ** -24;
      const ok = a.values.every((x, j) => Math.abs(x - b.values[j]) <= tolerance * (Math.abs(x) + rms));
      if (!ok) wrong.push(`${op.definition.name}, sample ${i}`);
    }
  }
  const ran = new Set((await profiler.results()).map(({ kernel }) => kernel));
  const kernels = allKernels().filter(({ name, definition }) => definition.subgroups && ran.has(name));
  return { width: device.capabilities.subgroupWidth, kernels: kernels.map(({ name }) => name), wrong };
}

async function run(device: Device, op: AnyOp, sample: Sample<string, object>) {
  const { definition } = op;
  const random = generator(3);
  const attrs = { ...definition.defaults, ...sample.attrs };
  const drawn = (definition.inputs as string[]).flatMap((name) => {
    const input = sample.inputs[name];
    return input ? [[name, draw(input, 'f32', random)] as const] : [];
  });
  const specs = Object.fromEntries(drawn.map(([name, { ref, dtype }]) => [name, { shape: ref.shape, dtype }]));
  const reduction = definition.reduction?.(specs, attrs) ?? 1;
  const output = scope(() => {
    const inputs = Object.fromEntries(drawn.map(([name, input]) => [name, toTensor(device, input)]));
    return op(inputs, attrs)[definition.outputs[0]];
  });
  const values = Array.from(await output.data());
  output.dispose();
  if (values.length !== sizeOf(output.shape)) throw new Error(`${definition.name}: ${values.length} values`);
  return { values, units: (definition.roundings ?? 4) * Math.sqrt(reduction) };
}
