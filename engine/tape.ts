import { GradientError, invariant, ShapeError } from './errors.ts';
import { detachFromScope, scope, tensorsIn } from './scope.ts';
import { alias, nextValueId, retain, type Tensor, type TensorSpec } from './tensor.ts';
import { leaves, mapTree, type Tree } from './tree.ts';

/**
 * Hands over the gradient of input `i` before the whole backward is done, so that a long block need not hold all of
 * them; the tensor may be freed afterwards. Several for one input add up.
 */
export type Emit = (i: number, grad: Tensor) => void;

/** One differentiable call on the tape. */
export interface Entry {
  readonly name: string;
  /** value ids; undefined where the input has no gradient (labels, absent bias) */
  readonly inputs: readonly (number | undefined)[];
  readonly outputs: readonly { readonly id: number; readonly spec: TensorSpec }[];
  /** one gradient an output (undefined: none flowed) → one an input; `needs` says which are wanted */
  backward(
    grads: readonly (Tensor | undefined)[],
    needs: readonly boolean[],
    emit: Emit,
  ): readonly (Tensor | undefined)[];
  /** frees what the entry saved */
  release(): void;
}

/** A call that tapes may record. `entry` is asked for once by each tape that records it, and saves what it needs. */
export interface Call {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  entry(): Entry;
}

class Tape {
  readonly tracked: Set<number>;
  readonly entries: Entry[] = [];

  constructor(wrt: readonly Tensor[]) {
    this.tracked = new Set(wrt.map(({ id }) => id));
  }
}

/** Stops recording on the tapes below, and notes which of their values are used: they are inputs of the whole block. */
export class Block {
  readonly #first = nextValueId();
  readonly used = new Map<number, Tensor>();

  /** Values that the block makes, by ops or of host data, are no inputs of it. */
  note({ inputs }: Call): void {
    for (const input of inputs) if (input && input.id < this.#first) this.used.set(input.id, input);
  }

  /** Runs `fn` in the block; values that it passes through, or returns twice, come out as values of their own. */
  run<R extends readonly Tensor[]>(fn: () => R): R {
    const seen = new Set<number>();
    const own = (output: Tensor): Tensor => {
      const fresh = output.id >= this.#first && !seen.has(output.id);
      seen.add(output.id);
      return fresh ? output : alias(output, output.shape, false);
    };
    return within(this, () => scope(() => fn().map(own) as unknown as R));
  }
}

const frames: (Tape | Block)[] = [];

/** Arithmetic that the sweep needs. The engine names no op: `kernels/` hands these in. */
export interface SweepArithmetic {
  add(a: Tensor, b: Tensor): Tensor;
  fill(like: Tensor, spec: TensorSpec, value: number): Tensor;
}
let arithmetic: SweepArithmetic | undefined;
export function useArithmetic(ops: SweepArithmetic): void {
  arithmetic = ops;
}
function ops(): SweepArithmetic {
  invariant(arithmetic, 'no arithmetic for the tape: import kernels/index.ts');
  return arithmetic;
}

/** Records a call on every tape that follows one of its inputs, from the innermost outwards, up to a block. */
export function record(call: Call): void {
  for (let i = frames.length - 1; i >= 0; i--) {
    const frame = frames[i];
    if (frame instanceof Block) {
      frame.note(call);
      return;
    }
    if (!call.inputs.some((input) => input && frame.tracked.has(input.id))) continue;
    frame.entries.push(call.entry());
    for (const { id, dtype } of call.outputs) if (dtype !== 'u32') frame.tracked.add(id);
  }
}

function within<R>(frame: Tape | Block, fn: () => R): R {
  frames.push(frame);
  try {
    return fn();
  } finally {
    frames.pop();
  }
}

export interface Pullback<R> {
  readonly outputs: R;
  /**
   * Gradients of Σ ⟨cotangent, output⟩ in each tensor of `wrt`; undefined where nothing flows. Frees the tape as it
   * sweeps: call it once.
   */
  pull(cotangents: readonly (Tensor | undefined)[]): (Tensor | undefined)[];
  /** Frees the tape without a sweep. */
  release(): void;
}

/**
 * Runs `fn` and returns its outputs with the map from their cotangents to gradients in `wrt`. `fn` runs in a scope of
 * its own: what it makes and neither returns nor has saved is freed before the sweep, and what is saved as it sweeps.
 */
export function vjp<R extends readonly Tensor[]>(fn: () => R, wrt: readonly Tensor[]): Pullback<R> {
  const tape = new Tape(wrt);
  let outputs: R;
  try {
    outputs = within(tape, () => scope(fn));
  } catch (error) {
    for (const entry of tape.entries) entry.release();
    throw error;
  }
  const ids = outputs.map(({ id }) => id);
  return {
    outputs,
    pull: (cotangents) => inBackward(wrt, () => sweep(tape, ids, cotangents, wrt)),
    release: () => {
      for (const entry of tape.entries.splice(0)) entry.release();
    },
  };
}

/** Profiles count a sweep apart, with what is rebuilt in it. */
function inBackward<R>([tensor]: readonly Tensor[], fn: () => R): R {
  return tensor ? tensor.device.recorder.inPhase('backward', fn) : fn();
}

function sweep(
  tape: Tape,
  outputIds: readonly number[],
  cotangents: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
): (Tensor | undefined)[] {
  const grads = new Map<number, Tensor>();
  const wanted = new Set(wrt.map(({ id }) => id));
  try {
    outputIds.forEach((id, i) => {
      const cotangent = cotangents[i];
      if (cotangent) accumulate(grads, id, retain(cotangent));
    });
    for (let entry = tape.entries.pop(); entry; entry = tape.entries.pop()) {
      sweepEntry(tape, entry, grads, wanted);
    }
    return wrt.map(({ id }) => {
      const grad = grads.get(id);
      return grad && alias(grad);
    });
  } finally {
    for (const entry of tape.entries.splice(0)) entry.release();
    for (const grad of grads.values()) grad.dispose();
  }
}

function sweepEntry(tape: Tape, entry: Entry, grads: Map<number, Tensor>, wanted: ReadonlySet<number>): void {
  const outputGrads = entry.outputs.map(({ id }) => grads.get(id));
  try {
    if (outputGrads.every((grad) => !grad)) return;
    const needs = entry.inputs.map((id) => id !== undefined && tape.tracked.has(id));
    const emit: Emit = (i, grad) => {
      const id = entry.inputs[i];
      if (id !== undefined && needs[i]) accumulate(grads, id, retain(grad));
    };
    scope(() => {
      entry.backward(outputGrads, needs, emit).forEach((grad, i) => {
        if (grad) emit(i, grad);
      });
    });
  } finally {
    entry.release();
    for (const { id } of entry.outputs) {
      if (wanted.has(id)) continue;
      grads.get(id)?.dispose();
      grads.delete(id);
    }
  }
}

/** Takes ownership of `grad`, which no scope owns. */
function accumulate(grads: Map<number, Tensor>, id: number, grad: Tensor): void {
  const before = grads.get(id);
  if (!before) {
    grads.set(id, grad);
    return;
  }
  grads.set(id, detachFromScope(ops().add(before, grad)));
  before.dispose();
  grad.dispose();
}

/**
 * The value of a scalar function of a parameter tree, with its gradient in every leaf (zeros where nothing flows).
 * `fn` returns the loss, or an object whose `loss` it is; what else is in it comes back untouched.
 *
 * @throws ShapeError when the loss has more than one element
 */
export function grad<P extends Tree, A extends readonly unknown[], R extends Tensor | { readonly loss: Tensor }>(
  fn: (params: P, ...args: A) => R,
): (params: P, ...args: A) => { value: R; grads: P } {
  return (params, ...args) => {
    const wrt = leaves(params).map(([, leaf]) => leaf);
    let value: R | undefined;
    const { outputs, pull, release } = vjp(() => {
      value = fn(params, ...args);
      return [lossOf(value), ...tensorsIn(value)] as const;
    }, wrt);
    const [loss] = outputs;
    if (loss.size !== 1) {
      release();
      throw new ShapeError(`grad: expected a scalar loss, got shape [${loss.shape}]. Reduce it with mean() or sum().`);
    }
    const flat = scope(() => {
      const found = pull([ops().fill(loss, loss, 1)]);
      return wrt.map((leaf, i) => found[i] ?? ops().fill(leaf, leaf, 0));
    });
    let next = 0;
    return { value: value as R, grads: mapTree(params, () => flat[next++]) };
  };
}

function lossOf(value: Tensor | { readonly loss: Tensor }): Tensor {
  return 'loss' in value ? value.loss : value;
}

/** A tensor filled with `value` on the device of `like`, for gradients that nothing flowed into. */
export function filled(like: Tensor, spec: TensorSpec, value: number): Tensor {
  return ops().fill(like, spec, value);
}

/** The same value, through which no gradient flows. Shares the storage. */
export function stopGradient(x: Tensor): Tensor {
  return alias(x, x.shape, false);
}

/** @throws GradientError naming the op that has no derivative of this order */
export function noDerivative(name: string): never {
  throw new GradientError(
    `${name} has no derivative. Pointwise ops, matmul and the convolutions can be differentiated twice; other ops once. ` +
      'Use stopGradient() where no gradient should flow.',
  );
}
