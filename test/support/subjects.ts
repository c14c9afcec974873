import { allComposites, allOps, type DType, type Ref, type Sample, type Tensor } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { type DrawnInput, draw } from './samples.ts';

/** What both ops and composites of the registry look like to tests. */
export interface Subject {
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

/** Everything that is registered. */
export function subjects(): Subject[] {
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

/** Those to test: everything, or what `MIAOBI_OPS=NAME,NAME` names. @throws Error where a name is not known */
export function chosenSubjects(): Subject[] {
  const all = subjects();
  const names = process.env.MIAOBI_OPS?.split(',');
  const unknown = names?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(
      `MIAOBI_OPS: expected names of ops with commas between, got "${unknown}". There are: ${all.map(({ name }) => name).join(', ')}.`,
    );
  }
  return all.filter(({ name }) => !names || names.includes(name));
}

/** The inputs of a sample, with numbers. */
export function drawInputs(
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

export const mapValues = <A, B>(record: Record<string, A>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
export const refs = (drawn: Record<string, DrawnInput>) => mapValues(drawn, ({ ref }) => ref);
const specs = (drawn: Record<string, DrawnInput>) =>
  mapValues(drawn, ({ ref, dtype }) => ({ shape: ref.shape, dtype }));
export const attrsOf = (sample: Sample<string, object>): object => sample.attrs ?? {};

/** True when a sample needs half precision on the device, for its inputs or for what it makes of them. */
export const usesHalf = ({ attrs }: Sample<string, object>, dtype: DType): boolean =>
  dtype === 'f16' || (attrs as { dtype?: DType } | undefined)?.dtype === 'f16';

/** A sample as part of a test's name. */
export function describeSample(sample: Sample<string, object>): string {
  const inputs = Object.entries(sample.inputs).map(([name, input]) => {
    const shape = input && ('shape' in input ? input.shape : input);
    return `${name} [${shape}]`;
  });
  return [...inputs, ...(sample.attrs ? [JSON.stringify(sample.attrs)] : [])].join(' ');
}
