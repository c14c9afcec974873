import { type Device, type DType, type Sample, type Shape, scope, vjp } from '../../engine/index.ts';
import { type DrawnInput, toTensor } from './samples.ts';
import { attrsOf, mapValues, type Subject } from './subjects.ts';

/** Numbers that came from a device. */
export interface Computed {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: ArrayLike<number>;
}

/** Runs subjects somewhere: on a device of this process, or on one of a browser. */
export interface Executor {
  readonly f16: boolean;
  run(
    subject: Subject,
    drawn: Record<string, DrawnInput>,
    sample: Sample<string, object>,
  ): Promise<Record<string, Computed>>;
  /** gradients of all inputs but labels, for cotangents of some outputs; zeros where none flows */
  gradients(
    subject: Subject,
    drawn: Record<string, DrawnInput>,
    cotangents: Record<string, DrawnInput>,
    sample: Sample<string, object>,
  ): Promise<Record<string, Computed>>;
}

/** Runs subjects on a device of this process. */
export function executorOn(device: Device): Executor {
  const tensors = (drawn: Record<string, DrawnInput>) => mapValues(drawn, (input) => toTensor(device, input));
  return {
    f16: device.capabilities.f16,
    async run(subject, drawn, sample) {
      const inputs = tensors(drawn);
      const outputs = scope(() => subject.run(inputs, attrsOf(sample)));
      const computed: Record<string, Computed> = {};
      for (const [name, output] of Object.entries(outputs))
        computed[name] = { shape: [...output.shape], dtype: output.dtype, data: await output.data() };
      for (const tensor of [...Object.values(outputs), ...Object.values(inputs)]) tensor.dispose();
      return computed;
    },
    async gradients(subject, drawn, cotangents, sample) {
      const inputs = tensors(drawn);
      const names = Object.keys(drawn).filter((name) => drawn[name].dtype !== 'u32');
      const seeds = tensors(cotangents);
      const found = scope(() => {
        const { pull } = vjp(
          () => {
            const outputs = subject.run(inputs, attrsOf(sample));
            return Object.keys(cotangents).map((name) => outputs[name]);
          },
          names.map((name) => inputs[name]),
        );
        return pull(Object.values(seeds));
      });
      const computed: Record<string, Computed> = {};
      for (const [i, name] of names.entries()) {
        const { shape, dtype, size } = found[i] ?? inputs[name];
        const data = found[i] ? await found[i].data() : new Float32Array(size);
        computed[name] = { shape: [...shape], dtype, data };
      }
      for (const tensor of [...found, ...Object.values(inputs), ...Object.values(seeds)]) tensor?.dispose();
      return computed;
    },
  };
}
