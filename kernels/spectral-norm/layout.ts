import { type Shape, sizeOf } from '../../engine/index.ts';

/**
 * A weight seen as [outer, rows, inner]: the matrix M [rows, outer · inner] whose row is an output channel. Weights
 * [O, I, kH, kW] are [1, O, I·kH·kW]; those of transposed convolutions, [I, O, kH, kW], are [I, O, kH·kW].
 */
export interface MatrixLayout {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
}

export function matrixOf(shape: Shape, transposed: boolean): MatrixLayout {
  return transposed
    ? { outer: shape[0], rows: shape[1], inner: sizeOf(shape.slice(2)) }
    : { outer: 1, rows: shape[0], inner: sizeOf(shape.slice(1)) };
}
