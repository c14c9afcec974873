import {
  allComposites,
  allOps,
  type Device,
  type DType,
  GradientError,
  type Sample,
  type SampleInput,
  sampleValues,
  scope,
  type Tensor,
  tensor,
  vjp,
} from '../engine/index.ts';
import { generator } from '../engine/sample-values.ts';
import { randomNormal } from '../kernels/index.ts';

/** One thing that is timed: an op or its gradient, on one sample, in one storage type. */
export interface VariantName {
  readonly op: string;
  readonly sample: string;
  /** forward or backward; a part or the whole where more is timed than an op */
  readonly pass: string;
  readonly dtype: DType;
}

/** A variant made ready: `prepare` runs untimed before each `run`; both return tensors that the caller disposes of. */
export interface Variant extends VariantName {
  readonly prepare: () => void;
  readonly run: () => readonly Tensor[];
  readonly release: () => void;
}

/** All variants of one op and sample; they are timed interleaved. */
export interface VariantGroup {
  readonly op: string;
  readonly sample: string;
  readonly names: readonly VariantName[];
  readonly make: (device: Device, dtype: DType) => Variant[];
}

type AnySample = Sample<string, object>;

interface Subject {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly samples: readonly AnySample[];
  readonly differentiable: boolean;
  readonly run: (inputs: Record<string, Tensor>, attrs: object) => Tensor;
}

/** Every bench sample of the registry. */
export function variantGroups(): VariantGroup[] {
  return subjects().flatMap((subject) =>
    subject.samples.flatMap((sample) => (sample.bench ? [groupOf(subject, sample, sample.bench)] : [])),
  );
}

function subjects(): Subject[] {
  const ops = allOps().map((op): Subject => {
    const { name, inputs, samples, backward, outputs } = op.definition;
    const run = (given: Record<string, Tensor>, attrs: object) => op(given, attrs)[outputs[0]];
    return { name, inputs, samples, differentiable: backward !== undefined, run };
  });
  const composites = allComposites().map(({ name, inputs, samples, defaults, run }): Subject => {
    const call = (given: Record<string, Tensor>, attrs: object) => scope(() => run(given, { ...defaults, ...attrs }));
    return { name, inputs, samples, differentiable: true, run: call };
  });
  return [...ops, ...composites];
}

function groupOf(subject: Subject, sample: AnySample, label: string): VariantGroup {
  const passes = subject.differentiable && sample.gradient !== false ? ['forward', 'backward'] : ['forward'];
  const types = (sample.dtypes ?? ['f32', 'f16']).filter((dtype) => dtype !== 'u32');
  const nameOf = (pass: string, dtype: DType): VariantName => ({ op: subject.name, sample: label, pass, dtype });
  return {
    op: subject.name,
    sample: label,
    names: types.flatMap((dtype) => passes.map((pass) => nameOf(pass, dtype))),
    make: (device, dtype) =>
      makeVariants(device, subject, sample, dtype, passes).map((variant) => ({
        ...nameOf(variant.pass, dtype),
        ...variant,
      })),
  };
}

export type TimedPass = Pick<Variant, 'pass' | 'prepare' | 'run' | 'release'>;

function makeVariants(
  device: Device,
  subject: Subject,
  sample: AnySample,
  dtype: DType,
  passes: readonly string[],
): TimedPass[] {
  const inputs = drawInputs(device, subject, sample, dtype);
  const attrs = sample.attrs ?? {};
  const forward: TimedPass = {
    pass: 'forward',
    prepare: () => {},
    run: () => [scope(() => subject.run(inputs, attrs))],
    release: () => {
      for (const input of Object.values(inputs)) input.dispose();
    },
  };
  if (!passes.includes('backward')) return [forward];
  const wrt = Object.values(inputs).filter((input) => input.dtype !== 'u32');
  const backward = backwardOf(device, wrt, () => subject.run(inputs, attrs));
  return backward ? [forward, backward] : [forward];
}

/**
 * The reverse sweep of `forward` alone: the forward pass that it needs is untimed.
 *
 * @returns undefined where there is no derivative
 */
export function backwardOf(device: Device, wrt: readonly Tensor[], forward: () => Tensor): TimedPass | undefined {
  let pull: ((cotangents: readonly Tensor[]) => readonly (Tensor | undefined)[]) | undefined;
  let cotangent: Tensor | undefined;
  const prepare = () => {
    const pullback = vjp(() => [forward()], wrt);
    const [y] = pullback.outputs;
    cotangent ??= randomNormal(device, y.shape, { seed: 2, step: 0, op: 0 }, y.dtype);
    pull = pullback.pull;
    y.dispose();
  };
  const run = () => (pull?.([cotangent as Tensor]) ?? []).filter((gradient) => gradient !== undefined);
  try {
    prepare();
    // on shapes alone: is there a derivative?
    device.forecast(() => run());
  } catch (error) {
    cotangent?.dispose();
    if (error instanceof GradientError) return undefined;
    throw error;
  }
  return { pass: 'backward', prepare, run, release: () => cotangent?.dispose() };
}

function drawInputs(device: Device, subject: Subject, sample: AnySample, dtype: DType): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {};
  subject.inputs.forEach((name, i) => {
    const given = sample.inputs[name];
    if (!given) return;
    const spec: SampleInput = 'shape' in given ? given : { shape: given };
    inputs[name] = tensor(device, values(spec, i + 3), spec.shape, spec.kind === 'label' ? 'u32' : dtype);
  });
  return inputs;
}

const values = (spec: SampleInput, seed: number) => sampleValues(spec, generator(seed));
