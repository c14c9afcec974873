import { acquireDevice } from '../../engine/device/node.ts';
import { type AnyOp, allKernels, allOps, type Device, type Sample, scope, sizeOf } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { forceVariants, VARIANTS, watchVariants } from '../../kernels/lib/variant.ts';
import { draw, generator, toTensor } from './samples.ts';
import { variantCases } from './variant-cases.ts';

export interface SubgroupReport {
  readonly width: number;
  /** kernels with subgroup operations that ran */
  readonly kernels: readonly string[];
  /** variants of matrix kernels that ran, one of each family */
  readonly families: readonly string[];
  /** ops whose results differ from those without subgroups, or from the definition, by more than their tolerance */
  readonly wrong: readonly string[];
}

/**
 * Runs every sample of the named ops with subgroups and without, and compares; and the variants of matrix kernels. Made for
 * a process of its own, since a software driver takes its width from the environment.
 */
export async function checkSubgroups(names: readonly string[]): Promise<SubgroupReport> {
  const device = await acquireDevice({ device: process.env.MIAOBI_DEVICE, poison: true });
  const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE, plainFeatures: true, poison: true });
  const profiler = device.profile();
  const wrong: string[] = [];
  for (const op of allOps().filter(({ definition }) => names.includes(definition.name))) {
    for (const [i, sample] of (op.definition.samples as Sample<string, object>[]).entries()) {
      if (sample.bench || !(sample.dtypes ?? ['f32']).includes('f32')) continue;
      const [a, b] = [await run(device, op, sample), await run(plain, op, sample)];
      if (!close(a.values, b.values, 4 * a.units)) wrong.push(`${op.definition.name}, sample ${i}`);
    }
  }
  const families = await checkFamilies(device, wrong);
  const ran = new Set((await profiler.results()).map(({ kernel }) => kernel));
  const kernels = allKernels().filter(({ name, definition }) => definition.subgroups && ran.has(name));
  return { width: device.capabilities.subgroupWidth, kernels: kernels.map(({ name }) => name), families, wrong };
}

/** One variant of each family on the cases of all, against the definition: a width changes code, not tiles. */
async function checkFamilies(device: Device, wrong: string[]): Promise<string[]> {
  const ran = new Set<string>();
  watchVariants(({ name }) => ran.add(name));
  const first = VARIANTS.filter(({ family }, i) => VARIANTS.findIndex((one) => one.family === family) === i);
  for (const { name, kinds, runs } of first) {
    if (!runs(device.capabilities)) continue;
    forceVariants(name);
    for (const { kind, op: opName, sample, dtype, what } of variantCases) {
      const op = allOps().find(({ definition }) => definition.name === opName);
      if (!op || !kinds.includes(kind) || dtype !== 'f32') continue;
      const { values, units, want } = await run(device, op, sample);
      if (!close(values, Array.from(want()?.data ?? []), units)) wrong.push(`${name}: ${opName}, ${what}`);
    }
  }
  forceVariants(undefined);
  watchVariants(undefined);
  return [...ran];
}

function close(got: readonly number[], want: readonly number[], units: number): boolean {
  const rms = Math.hypot(...want) / Math.sqrt(want.length);
  const tolerance = units * 2 ** -24;
  return got.every((x, i) => Math.abs(x - want[i]) <= tolerance * (Math.abs(want[i]) + rms));
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
  const want = () =>
    definition.reference(Object.fromEntries(drawn.map(([name, { ref }]) => [name, ref])), attrs)[definition.outputs[0]];
  return { values, units: (definition.roundings ?? 4) * Math.sqrt(reduction), want };
}
