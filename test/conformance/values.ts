/** Plain host tensors, the one currency between files, builders and comparisons. */

export type NumericArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Row-major values; shape [] is a single number. */
export interface Value {
  readonly shape: readonly number[];
  readonly data: NumericArray;
}

/** Number of elements of a shape; 1 for []. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** @throws Error when the number of values is not what the shape holds */
export function value(shape: readonly number[], data: NumericArray): Value {
  if (sizeOf(shape) !== data.length) {
    throw new Error(
      `A value of shape [${shape}] holds ${sizeOf(shape)} numbers, but ${data.length} came. Pass the shape of the data.`,
    );
  }
  return { shape: [...shape], data };
}

/** A single number, shape []. */
export function scalar(x: number): Value {
  return value([], Float64Array.of(x));
}

/** Rows of numbers as a value: 3 → [], [1, 2] → [2], [[1, 2], [3, 4]] → [2, 2]. */
export function fromNested(nested: Nested): Value {
  const shape: number[] = [];
  for (let level: Nested = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: number[] = [];
  const collect = (level: Nested): void => {
    if (Array.isArray(level)) level.forEach(collect);
    else flat.push(level);
  };
  collect(nested);
  return value(shape, Float64Array.from(flat));
}

export type Nested = number | Nested[];

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}
