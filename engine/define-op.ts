import { invariant } from './errors.ts';
import { type Entry, filled, noDerivative, record } from './tape.ts';
import { alias, type DType, empty, retain, type Shape, type Tensor, type TensorSpec } from './tensor.ts';

/** A float64 array with a shape: what references compute on. */
export interface Ref {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** How a sample's input is drawn. A bare shape means standard normal numbers. */
export interface SampleInput {
  readonly shape: Shape;
  /** normal·scale + offset by default */
  readonly offset?: number;
  readonly scale?: number;
  /** `positive`: |normal| + 0.1; `unit`: uniform in [0, 1); `label`: integers below `below`, u32; `spd`: symmetric positive definite; `lower`: triangular with a diagonal near 1; `distinct`: no two values closer than 1e-2; `away`: nearer than 1e-2 to none of `from` */
  readonly kind?: 'normal' | 'positive' | 'unit' | 'label' | 'spd' | 'lower' | 'distinct' | 'away';
  readonly below?: number;
  /** kinks, for `away` */
  readonly from?: readonly number[];
}

/** One set of inputs and attributes that the generic tests and the bench run an op on. */
export interface Sample<In extends string, A> {
  readonly inputs: { readonly [name in In]?: Shape | SampleInput };
  readonly attrs?: Partial<A>;
  /** names a bench row; such a sample never runs in tests */
  readonly bench?: string;
  /** storage types of the float inputs that the tests run; f32 and f16 by default */
  readonly dtypes?: readonly DType[];
  /** false where the definition has no gradient at this point */
  readonly gradient?: boolean;
}

type Named<K extends string, V> = { readonly [name in K]: V };

/** What `backward` receives: saved tensors by name, and `d<output>` for each output that a gradient reached. */
type Saved<In extends string, Out extends string> = { readonly [name in In | Out]: Tensor };
type OutputGrads<Outs extends readonly string[]> = {
  readonly [name in Outs[0] as `d${name}`]: Tensor;
} & { readonly [name in Outs[number] as `d${name}`]?: Tensor };
type InputGrads<In extends string> = { readonly [name in In as `d${name}`]?: Tensor | undefined };

export interface BackwardContext<In extends string> {
  /** which inputs need a gradient */
  readonly needs: Named<In, boolean>;
  /** shapes and types of all inputs, saved or not */
  readonly inputs: Named<In, TensorSpec>;
}

export interface OpDefinition<In extends string, Outs extends readonly string[], A extends object> {
  /** the function's name */
  name: string;
  inputs: readonly In[];
  /** inputs that may be absent */
  optional?: readonly NoInfer<In>[];
  /** the first is the result; others are what backward needs */
  outputs: Outs;
  /** attributes and their defaults */
  defaults: A;
  /** the first output is a view of this input's storage, under the shape that the shape rule gives */
  view?: NoInfer<In>;
  /** Pure. Runs before anything is allocated, and is the only place that throws on shapes. */
  shape: (inputs: Named<In, TensorSpec>, attrs: A) => Named<Outs[number], TensorSpec>;
  forward: (inputs: Named<In, Tensor>, outputs: Named<Outs[number], Tensor>, attrs: A) => void;
  /** the memory bill of training: inputs and outputs that backward reads */
  saves?: readonly (NoInfer<In> | Outs[number])[];
  /** left out where the op has no derivative; tapes then refuse to sweep through it */
  backward?: (
    tensors: Saved<In, Outs[number]> & OutputGrads<Outs>,
    attrs: A,
    context: BackwardContext<In>,
  ) => InputGrads<In>;
  /** float64, from the definition, sharing no code with the forward pass */
  reference: (inputs: Named<In, Ref>, attrs: A) => Partial<Named<Outs[number], Ref>>;
  samples: readonly Sample<In, A>[];
  /** length of the longest sum behind one output, for the tolerance; 1 by default */
  reduction?: (inputs: Named<In, TensorSpec>, attrs: A) => number;
  /** units of rounding that the formula costs at length 1; 4 by default */
  roundings?: number;
}

export interface Op<In extends string, Outs extends readonly string[], A extends object> {
  (inputs: { readonly [name in In]?: Tensor | undefined }, attrs?: Partial<A>): Named<Outs[number], Tensor>;
  readonly definition: OpDefinition<In, Outs, A>;
}

// biome-ignore lint/suspicious/noExplicitAny: a list of ops holds every instantiation
export type AnyOp = Op<any, any, any>;

const registry = new Map<string, AnyOp>();

/** Every op: what the generic tests, the gradient checks and the bench run over. */
export function allOps(): readonly AnyOp[] {
  return [...registry.values()];
}

/**
 * Declares a differentiable op and enters it in the registry. The result takes named tensors and attributes and returns
 * named outputs; a room exports a function with positional arguments around it.
 */
export function defineOp<const In extends string, const Outs extends readonly string[], A extends object>(
  definition: OpDefinition<In, Outs, A>,
): Op<In, Outs, A> {
  const { name, outputs: outputNames, saves = [] } = definition;
  const inputNames = definition.inputs;
  invariant(!registry.has(name), `op ${name} is defined twice`);

  const call = (given: { readonly [name in In]?: Tensor | undefined }, partial?: Partial<A>) => {
    const attrs = partial ? { ...definition.defaults, ...partial } : definition.defaults;
    const inputs = given as Named<In, Tensor>;
    const present = inputNames.map((input) => given[input]);
    const device = present.find((input) => input)?.device;
    invariant(device, `${name}: no input is a tensor`);
    const profiler = device.forecasting ? undefined : device.recorder.profiler;
    const started = profiler ? performance.now() : 0;
    const specs = definition.shape(inputs, attrs);
    const outputs = {} as Record<Outs[number], Tensor>;
    for (const output of outputNames as readonly Outs[number][]) {
      const source = definition.view && output === outputNames[0] ? inputs[definition.view] : undefined;
      outputs[output] = source ? alias(source, specs[output].shape, false) : empty(device, specs[output]);
    }
    definition.forward(inputs, outputs, attrs);
    const outputList = (outputNames as readonly Outs[number][]).map((output) => outputs[output]);
    record({
      inputs: present,
      outputs: outputList,
      entry() {
        return entryOf(inputs, outputs, attrs);
      },
    });
    profiler?.opCalled(name, performance.now() - started);
    return outputs;
  };

  function entryOf(inputs: Named<In, Tensor>, outputs: Named<Outs[number], Tensor>, attrs: A): Entry {
    const all = { ...outputs, ...inputs } as Named<string, Tensor | undefined>;
    const saved: Record<string, Tensor> = {};
    if (definition.backward) {
      for (const save of saves) {
        const tensor = all[save];
        if (tensor) saved[save] = retain(tensor);
      }
    }
    const inputSpecs = {} as Record<In, TensorSpec>;
    for (const input of inputNames) {
      if (inputs[input]) inputSpecs[input] = { shape: inputs[input].shape, dtype: inputs[input].dtype };
    }
    const outputSpecs = (outputNames as readonly Outs[number][]).map((output) => ({
      id: outputs[output].id,
      spec: { shape: outputs[output].shape, dtype: outputs[output].dtype },
    }));
    return {
      name,
      inputs: inputNames.map((input) => (inputs[input]?.dtype === 'u32' ? undefined : inputs[input]?.id)),
      outputs: outputSpecs,
      backward(grads, needList) {
        if (!definition.backward) return noDerivative(name);
        const tensors: Record<string, Tensor | undefined> = { ...saved };
        outputNames.forEach((output, i) => {
          if (grads[i]) tensors[`d${output}`] = grads[i];
        });
        const first = `d${outputNames[0]}`;
        const like = grads.find((grad) => grad);
        if (!tensors[first] && like) tensors[first] = filled(like, outputSpecs[0].spec, 0);
        const needs = Object.fromEntries(inputNames.map((input, i) => [input, needList[i]])) as Named<In, boolean>;
        const found = definition.backward(tensors as never, attrs, { needs, inputs: inputSpecs }) as Record<
          string,
          Tensor | undefined
        >;
        return inputNames.map((input) => found[`d${input}`]);
      },
      release() {
        for (const tensor of Object.values(saved)) tensor.dispose();
      },
    };
  }

  const op = Object.assign(call, { definition }) as Op<In, Outs, A>;
  registry.set(name, op);
  return op;
}

/** An op made of other ops, so that the generic tests cover it: runs in a scope of its own. */
export function composite<In extends string, A extends object>(
  definition: CompositeDefinition<In, A>,
): CompositeDefinition<In, A> {
  invariant(!composites.has(definition.name), `op ${definition.name} is defined twice`);
  composites.set(definition.name, definition as AnyComposite);
  return definition;
}

/** A function over ops that the registry tests like an op. */
export interface CompositeDefinition<In extends string, A extends object> {
  name: string;
  inputs: readonly In[];
  defaults: A;
  run: (inputs: Named<In, Tensor>, attrs: A) => Tensor;
  reference: (inputs: Named<In, Ref>, attrs: A) => Ref;
  samples: readonly Sample<In, A>[];
  reduction?: (inputs: Named<In, TensorSpec>, attrs: A) => number;
  roundings?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: a list of composites holds every instantiation
export type AnyComposite = CompositeDefinition<any, any>;
const composites = new Map<string, AnyComposite>();

export function allComposites(): readonly AnyComposite[] {
  return [...composites.values()];
}
