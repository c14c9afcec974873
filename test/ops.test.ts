import { beforeAll, describe, expect, it } from 'vitest';
import {
  allComposites,
  allOps,
  type Device,
  type DType,
  type Ref,
  type Sample,
  scope,
  type Tensor,
  vjp,
} from '../engine/index.ts';
import '../kernels/index.ts';
import { expectClose, unitOf } from './support/compare.ts';
import { testDevice } from './support/device.ts';
import { type DrawnInput, draw, generator, normals, toTensor } from './support/samples.ts';

/** What both ops and composites of the registry look like to these tests. */
interface Subject {
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  differentiable: boolean;
  samples: readonly Sample<string, object>[];
  run(inputs: Record<string, Tensor>, attrs: object): Record<string, Tensor>;
  reference(inputs: Record<string, Ref>, attrs: object): Record<string, Ref>;
  /** rounding units an output may be off by */
  allowance(inputs: Record<string, DrawnInput>, attrs: object): number;
}

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

for (const subject of subjects()) {
  describe(subject.name, () => {
    subject.samples.forEach((sample, index) => {
      if (sample.bench) return;
      for (const dtype of sample.dtypes ?? (['f32', 'f16'] as const)) {
        const title = `${describeSample(sample)} ${dtype}`;
        it(`computes its definition: ${title}`, () => forwardTest(subject, sample, dtype, index + 1));
        if (subject.differentiable && sample.gradient !== false) {
          it(`has the gradient of its definition: ${title}`, () => gradientTest(subject, sample, dtype, index + 1));
        }
      }
    });
  });
}

async function forwardTest(
  subject: Subject,
  sample: Sample<string, object>,
  dtype: DType,
  seed: number,
): Promise<void> {
  if (dtype === 'f16' && !device.capabilities.f16) return;
  const drawn = drawInputs(subject, sample, dtype, generator(seed));
  const want = subject.reference(refs(drawn), attrsOf(sample));
  const first = await runOnce(subject, drawn, sample);
  const second = await runOnce(subject, drawn, sample);
  const units = subject.allowance(drawn, attrsOf(sample));
  for (const [name, ref] of Object.entries(want)) {
    expect(first[name].shape, `shape of ${name}`).toEqual(ref.shape);
    expectClose(first[name].data, ref, units * Math.max(unitOf(dtype), unitOf(first[name].dtype)), name);
  }
  for (const name of subject.outputs)
    expect(bits(second[name].data), `${name} of a second run`).toEqual(bits(first[name].data));
}

/** ⟨gradient, direction⟩ on the GPU against central differences of the float64 reference, along random directions. */
async function gradientTest(
  subject: Subject,
  sample: Sample<string, object>,
  dtype: DType,
  seed: number,
): Promise<void> {
  if (dtype === 'f16' && !device.capabilities.f16) return;
  const random = generator(1000 + seed);
  const drawn = drawInputs(subject, sample, dtype, random);
  const attrs = attrsOf(sample);
  const want = subject.reference(refs(drawn), attrs);
  // only outputs that the reference defines carry gradients
  const outputs = subject.outputs.filter((name) => want[name]);
  const cotangents: Record<string, DrawnInput> = {};
  for (const name of outputs) cotangents[name] = draw(want[name].shape, dtype, random);
  const gradients = await gradientsOf(subject, drawn, cotangents, attrs);
  for (const name of Object.keys(gradients)) {
    for (let trial = 0; trial < 2; trial++) {
      const direction = normals(random, drawn[name].ref.shape);
      const step = 1e-5;
      const at = (t: number) => {
        const moved = { ...refs(drawn), [name]: shift(drawn[name].ref, direction, t) };
        const result = subject.reference(moved, attrs);
        return outputs.reduce((total, output) => total + dot(result[output].data, cotangents[output].ref.data), 0);
      };
      const difference = (at(step) - at(-step)) / (2 * step);
      const got = dot(gradients[name], direction.data);
      // every term of the product may be off by the tolerance, independently of the others
      let squares = 0;
      for (let i = 0; i < gradients[name].length; i++) squares += (gradients[name][i] * direction.data[i]) ** 2;
      const scale = Math.sqrt(squares) + rms(gradients[name]) * Math.sqrt(direction.data.length);
      const tolerance = 4 * subject.allowance(drawn, attrs) * unitOf(dtype) * scale + 1e-7 * (1 + Math.abs(difference));
      expect(
        Math.abs(got - difference),
        `d${name}: ${got} on the GPU, ${difference} by differences`,
      ).toBeLessThanOrEqual(tolerance);
    }
  }
}

async function runOnce(subject: Subject, drawn: Record<string, DrawnInput>, sample: Sample<string, object>) {
  const inputs = tensors(drawn);
  const outputs = scope(() => subject.run(inputs, attrsOf(sample)));
  const read: Record<string, { shape: readonly number[]; dtype: DType; data: ArrayLike<number> }> = {};
  for (const [name, output] of Object.entries(outputs))
    read[name] = { shape: [...output.shape], dtype: output.dtype, data: await output.data() };
  for (const tensor of [...Object.values(outputs), ...Object.values(inputs)]) tensor.dispose();
  return read;
}

async function gradientsOf(
  subject: Subject,
  drawn: Record<string, DrawnInput>,
  cotangents: Record<string, DrawnInput>,
  attrs: object,
): Promise<Record<string, ArrayLike<number>>> {
  const inputs = tensors(drawn);
  const names = Object.keys(drawn).filter((name) => drawn[name].dtype !== 'u32');
  const seeds = tensors(cotangents);
  const found = scope(() => {
    const { pull } = vjp(
      () => {
        const outputs = subject.run(inputs, attrs);
        return Object.keys(cotangents).map((name) => outputs[name]);
      },
      names.map((name) => inputs[name]),
    );
    return pull(Object.values(seeds));
  });
  const gradients: Record<string, ArrayLike<number>> = {};
  for (const [i, name] of names.entries()) {
    const gradient = found[i];
    if (gradient) expect(gradient.shape, `shape of d${name}`).toEqual(inputs[name].shape);
    gradients[name] = gradient ? await gradient.data() : new Float32Array(inputs[name].size);
  }
  for (const tensor of [...found, ...Object.values(inputs), ...Object.values(seeds)]) tensor?.dispose();
  return gradients;
}

function subjects(): Subject[] {
  const ops = allOps().map(({ definition }, i): Subject => {
    const { reduction = () => 1, roundings = 4 } = definition;
    return {
      name: definition.name,
      inputs: definition.inputs,
      outputs: definition.outputs,
      differentiable: definition.backward !== undefined,
      samples: definition.samples,
      run: (inputs, attrs) => allOps()[i](inputs, attrs),
      reference: (inputs, attrs) =>
        definition.reference(inputs, { ...definition.defaults, ...attrs }) as Record<string, Ref>,
      allowance: (inputs, attrs) =>
        roundings * Math.sqrt(reduction(specs(inputs), { ...definition.defaults, ...attrs })),
    };
  });
  const composites = allComposites().map((definition): Subject => {
    const { reduction = () => 1, roundings = 4 } = definition;
    return {
      name: definition.name,
      inputs: definition.inputs,
      outputs: ['y'],
      differentiable: true,
      samples: definition.samples,
      run: (inputs, attrs) => ({ y: definition.run(inputs, { ...definition.defaults, ...attrs }) }),
      reference: (inputs, attrs) => ({ y: definition.reference(inputs, { ...definition.defaults, ...attrs }) }),
      allowance: (inputs, attrs) =>
        roundings * Math.sqrt(reduction(specs(inputs), { ...definition.defaults, ...attrs })),
    };
  });
  return [...ops, ...composites];
}

function drawInputs(
  subject: Subject,
  sample: Sample<string, object>,
  dtype: DType,
  random: () => number,
): Record<string, DrawnInput> {
  const drawn: Record<string, DrawnInput> = {};
  for (const name of subject.inputs) {
    const input = sample.inputs[name];
    if (input) drawn[name] = draw(input, dtype, random);
  }
  return drawn;
}

const mapValues = <A, B>(record: Record<string, A>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
const refs = (drawn: Record<string, DrawnInput>) => mapValues(drawn, ({ ref }) => ref);
const specs = (drawn: Record<string, DrawnInput>) =>
  mapValues(drawn, ({ ref, dtype }) => ({ shape: ref.shape, dtype }));
const tensors = (drawn: Record<string, DrawnInput>) => mapValues(drawn, (input) => toTensor(device, input));
const attrsOf = (sample: Sample<string, object>): object => sample.attrs ?? {};

function shift(ref: Ref, direction: Ref, t: number): Ref {
  return { shape: ref.shape, data: ref.data.map((x, i) => x + t * direction.data[i]) };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

const rms = (a: ArrayLike<number>) => Math.sqrt(dot(a, a) / a.length);

function bits(data: ArrayLike<number>): Uint32Array {
  return data instanceof Uint32Array ? data : new Uint32Array((data as Float32Array).slice().buffer);
}

function describeSample(sample: Sample<string, object>): string {
  const inputs = Object.entries(sample.inputs).map(([name, input]) => {
    const shape = input && ('shape' in input ? input.shape : input);
    return `${name} [${shape}]`;
  });
  return [...inputs, ...(sample.attrs ? [JSON.stringify(sample.attrs)] : [])].join(' ');
}
