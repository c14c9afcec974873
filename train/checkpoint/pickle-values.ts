/**
 * What the restricted unpickler can make: plain JavaScript values and a few classes of our own. No value is ever made by
 * a name out of the file except through the allow-list, and no property of a JavaScript object is ever set by one.
 *
 *     None → null       int → number, bigint beyond 2^53     float → number     str → string     bytes → Uint8Array
 *     list → array      tuple → Tuple                        dict → Map         set → Set
 */
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from '../../models/checkpoint/printable.ts';

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Value[]
  | Tuple
  | Map<Value, Value>
  | Set<Value>
  | Global
  | Instance;

export class Tuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A global on the allow-list. Calling it makes one of our own values. */
export class Global {
  readonly name: string;
  readonly call: (args: readonly Value[]) => Value;
  constructor(name: string, call: (args: readonly Value[]) => Value) {
    this.name = name;
    this.call = call;
  }
}

/** A value made by an allow-listed global. `setState` is the BUILD opcode: Python's __setstate__. */
export abstract class Instance {
  abstract setState(state: Value): void;
}

/** A harmless value that no tensor needs (a device, a dtype, a numpy scalar): kept so that the file can be read on. */
export class Opaque extends Instance {
  readonly what: string;
  constructor(what: string) {
    super();
    this.what = what;
  }
  override setState(): void {
    throw damaged(`${this.what} takes no state`);
  }
}

/** @throws never: makes the error for a file that breaks the rules of its format. */
export function damaged(what: string): CheckpointError {
  return new CheckpointError(
    `pickle: ${what}.\nThe file is truncated, damaged or not a checkpoint; get it again from its source.`,
  );
}

/** Makes the error for a pickle that asks for something outside the allow-list. */
export function forbidden(what: string): CheckpointError {
  return new CheckpointError(
    `pickle refused: ${what}. Only tensors, arrays, numbers, strings and containers are read from a pickle.\n` +
      'Nothing was executed. If you trust the file, load it with the program that wrote it and save the tensors alone: ' +
      'torch.save(model.state_dict(), "weights.pt").',
  );
}

/** A value in a message: texts and numbers as they are, the rest by kind; a value may be huge, nested or hold itself. */
export function describeValue(value: Value | undefined): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null || value === undefined ? 'None' : value instanceof Map ? 'a dict' : 'an object';
}

export function isTuple(value: Value): value is Tuple {
  return value instanceof Tuple;
}

/** A whole number ≥ 0 that counts something. @throws CheckpointError otherwise */
export function count(value: Value, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw damaged(`${what} must be a whole number ≥ 0`);
  }
  return value;
}

/** The items of a tuple or list of whole numbers. @throws CheckpointError otherwise */
export function counts(value: Value, what: string): number[] {
  const items = isTuple(value) ? value.items : value;
  if (!Array.isArray(items) || items.length > 64) throw damaged(`${what} must be a tuple of at most 64 numbers`);
  return items.map((item) => count(item, what));
}
