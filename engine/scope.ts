import { invariant } from './errors.ts';
import type { Tensor } from './tensor.ts';

/** The tensors made inside one `scope` call. */
export class Scope {
  readonly #tensors = new Set<Tensor>();

  own(tensor: Tensor): void {
    this.#tensors.add(tensor);
    tensor.owner = this;
  }

  disown(tensor: Tensor): void {
    this.#tensors.delete(tensor);
    tensor.owner = undefined;
  }

  disposeAll(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

const stack: Scope[] = [];

/** Hands a new tensor to the innermost scope; outside every scope it lives until it is disposed of. */
export function adopt(tensor: Tensor): Tensor {
  stack.at(-1)?.own(tensor);
  return tensor;
}

/**
 * Runs `fn` and frees every tensor made in it, except those in what it returns (tensors, arrays, plain objects, maps),
 * which move to the surrounding scope.
 *
 * @throws Error when `fn` returns a promise: await outside the scope
 */
export function scope<R>(fn: () => R): R {
  return inScope(fn, (tensor) => stack.at(-1)?.own(tensor));
}

/** @param left  is handed each tensor that was made in `fn` and is part of what it returns */
function inScope<R>(fn: () => R, left: (tensor: Tensor) => void): R {
  const inner = new Scope();
  stack.push(inner);
  let result: R;
  try {
    result = fn();
    invariant(!(result instanceof Promise), 'scope takes a synchronous function; await outside it');
  } catch (error) {
    stack.pop();
    inner.disposeAll();
    throw error;
  }
  stack.pop();
  for (const tensor of tensorsIn(result)) {
    if (tensor.owner !== inner) continue;
    inner.disown(tensor);
    left(tensor);
  }
  inner.disposeAll();
  return result;
}

/** Moves a tensor to the parent of the current scope, where it lives on after this scope ends. */
export function keep<T extends Tensor>(tensor: T): T {
  const inner = stack.at(-1);
  if (inner && tensor.owner === inner) {
    inner.disown(tensor);
    stack.at(-2)?.own(tensor);
  }
  return tensor;
}

/** What one scope leaves to a later one, with other work between them. */
export interface Held<R> {
  readonly value: R;
  /** Hands it to the current scope, which frees it at its end. */
  take(): R;
  /** Frees it where no scope will take it. */
  dispose(): void;
}

/** Like `scope`, and what `fn` returns belongs to no scope until one takes it. */
export function hold<R>(fn: () => R): Held<R> {
  const tensors = new Set<Tensor>();
  const value = inScope(fn, (tensor) => tensors.add(tensor));
  return {
    value,
    take() {
      for (const tensor of tensors) adopt(tensor);
      tensors.clear();
      return value;
    },
    dispose() {
      for (const tensor of tensors) tensor.dispose();
      tensors.clear();
    },
  };
}

/** Takes a tensor out of every scope: its new owner disposes of it. */
export function detachFromScope<T extends Tensor>(tensor: T): T {
  tensor.owner?.disown(tensor);
  return tensor;
}

/** Every tensor in a result: tensors, arrays, maps, plain objects. */
export function* tensorsIn(value: unknown): Generator<Tensor> {
  if (value === null || typeof value !== 'object') return;
  if (isTensor(value)) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* tensorsIn(item);
  else if (value instanceof Map) for (const item of value.values()) yield* tensorsIn(item);
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* tensorsIn(item);
  }
}

function isTensor(value: object): value is Tensor {
  return 'dtype' in value && 'storage' in Object.getPrototypeOf(value);
}
