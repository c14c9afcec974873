import { Block, type Emit, record, vjp } from './tape.ts';
import { retain, type Tensor } from './tensor.ts';

/**
 * Runs `fn(...inputs)` without keeping its intermediates; the reverse sweep runs it again. `fn` must compute the same
 * both times, and take every intermediate that it reads as an input. Parameters may come through its closure: they are
 * found by watching which values it uses, and must live until the sweep.
 */
export function recompute<I extends readonly Tensor[], R extends readonly Tensor[]>(
  fn: (...inputs: I) => R,
  inputs: I,
): R {
  const block = new Block();
  const outputs = block.run(() => fn(...inputs));
  for (const input of inputs) block.used.set(input.id, input);
  const used = [...block.used.values()];
  record({
    inputs: used,
    outputs,
    entry: () => {
      const saved = new Map(used.map((tensor) => [tensor.id, retain(tensor)]));
      return {
        name: 'recompute',
        inputs: used.map(({ id }) => id),
        outputs: outputs.map((output) => ({ id: output.id, spec: output })),
        backward: (grads, needs) => {
          const again = inputs.map(({ id }) => saved.get(id)) as unknown as I;
          const wanted = [...saved.values()].filter((_, i) => needs[i]);
          const found = vjp(() => fn(...again), wanted).pull(grads);
          let next = 0;
          return needs.map((need) => (need ? found[next++] : undefined));
        },
        release: () => {
          for (const tensor of saved.values()) tensor.dispose();
        },
      };
    },
  });
  return outputs;
}

export interface CustomGradient<R extends readonly Tensor[]> {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** runs unrecorded */
  readonly forward: () => R;
  /** what `backward` reads of inputs and outputs: kept until the sweep has passed */
  readonly saves: (outputs: R) => readonly Tensor[];
  readonly backward: (
    grads: readonly (Tensor | undefined)[],
    saved: readonly Tensor[],
    needs: readonly boolean[],
    emit: Emit,
  ) => readonly (Tensor | undefined)[];
}

/** A block with a gradient of its own, such as a reversible block that rebuilds its inputs from its outputs. */
export function customGradient<R extends readonly Tensor[]>(definition: CustomGradient<R>): R {
  const { name, inputs } = definition;
  const outputs = new Block().run(definition.forward);
  record({
    inputs,
    outputs,
    entry: () => {
      const saved = definition.saves(outputs).map(retain);
      return {
        name,
        inputs: inputs.map(({ id }) => id),
        outputs: outputs.map((output) => ({ id: output.id, spec: output })),
        backward: (grads, needs, emit) => definition.backward(grads, saved, needs, emit),
        release: () => {
          for (const tensor of saved) tensor.dispose();
        },
      };
    },
  });
  return outputs;
}
