import { expect } from 'vitest';
import type { DType, Ref, Sample } from '../../engine/index.ts';
import { expectClose, unitOf } from './compare.ts';
import type { Executor } from './executor.ts';
import { type DrawnInput, draw, generator, normals } from './samples.ts';
import { attrsOf, drawInputs, refs, type Subject, usesHalf } from './subjects.ts';

/** A sample's outputs against its float64 reference, and the same bits a second time. */
export async function checkForward(
  executor: Executor,
  subject: Subject,
  sample: Sample<string, object>,
  dtype: DType,
  seed: number,
): Promise<void> {
  if (usesHalf(sample, dtype) && !executor.f16) return;
  const drawn = drawInputs(subject, sample, dtype, generator(seed));
  const want = subject.reference(refs(drawn), attrsOf(sample));
  const first = await executor.run(subject, drawn, sample);
  const second = await executor.run(subject, drawn, sample);
  const units = subject.allowance(drawn, attrsOf(sample));
  for (const [name, ref] of Object.entries(want)) {
    expect(first[name].shape, `shape of ${name}`).toEqual(ref.shape);
    expectClose(first[name].data, ref, units * Math.max(unitOf(dtype), unitOf(first[name].dtype)), name);
  }
  for (const name of subject.outputs)
    expect(bits(second[name].data), `${name} of a second run`).toEqual(bits(first[name].data));
}

/** ⟨gradient, direction⟩ on the device against central differences of the float64 reference, along random directions. */
export async function checkGradients(
  executor: Executor,
  subject: Subject,
  sample: Sample<string, object>,
  dtype: DType,
  seed: number,
): Promise<void> {
  if (usesHalf(sample, dtype) && !executor.f16) return;
  const random = generator(1000 + seed);
  const drawn = drawInputs(subject, sample, dtype, random);
  const attrs = attrsOf(sample);
  const want = subject.reference(refs(drawn), attrs);
  // only outputs that the reference defines carry gradients
  const outputs = subject.outputs.filter((name) => want[name]);
  const cotangents: Record<string, DrawnInput> = {};
  for (const name of outputs) cotangents[name] = draw(want[name].shape, dtype, random);
  const gradients = await executor.gradients(subject, drawn, cotangents, sample);
  for (const [name, { shape, data: gradient }] of Object.entries(gradients)) {
    expect(shape, `shape of d${name}`).toEqual(drawn[name].ref.shape);
    for (let trial = 0; trial < 2; trial++) {
      const direction = normals(random, drawn[name].ref.shape);
      const step = 1e-5;
      const at = (t: number) => {
        const moved = { ...refs(drawn), [name]: shift(drawn[name].ref, direction, t) };
        const result = subject.reference(moved, attrs);
        return outputs.reduce((total, output) => total + dot(result[output].data, cotangents[output].ref.data), 0);
      };
      const difference = (at(step) - at(-step)) / (2 * step);
      const got = dot(gradient, direction.data);
      // every term of the product may be off by the tolerance, independently of the others
      let squares = 0;
      for (let i = 0; i < gradient.length; i++) squares += (gradient[i] * direction.data[i]) ** 2;
      const scale = Math.sqrt(squares) + rms(gradient) * Math.sqrt(direction.data.length);
      const tolerance = 4 * subject.allowance(drawn, attrs) * unitOf(dtype) * scale + 1e-7 * (1 + Math.abs(difference));
      expect(
        Math.abs(got - difference),
        `d${name}: ${got} on the GPU, ${difference} by differences`,
      ).toBeLessThanOrEqual(tolerance);
    }
  }
}

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
