import { type Shape, ShapeError, sizeOf, type TensorSpec } from '../../engine/index.ts';

/** A batched product of [m, k] by [k, n] matrices in numbers. */
export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** one matrix for the whole batch */
  readonly aShared: boolean;
  readonly bShared: boolean;
  /** leading axes of the result */
  readonly leading: Shape;
}

/**
 * What `matmul` computes for two shapes. Leading axes are equal, or one of the operands is a single matrix.
 *
 * @throws ShapeError when they do not fit together
 */
export function productOf(
  a: Shape,
  b: Shape,
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
): Product {
  for (const [name, shape] of [
    ['a', a],
    ['b', b],
  ] as const) {
    if (shape.length < 2) {
      throw new ShapeError(`matmul: expected ${name} to have at least two axes, got [${shape}]. Use reshape().`);
    }
  }
  const [aRows, aColumns] = a.slice(-2);
  const [bRows, bColumns] = b.slice(-2);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (k !== inner) {
    throw new ShapeError(
      `matmul: expected the inner extents to be equal, got ${k} and ${inner}.\n` +
        `  a${transposeA ? ' transposed' : ''} = [${a}]\n  b${transposeB ? ' transposed' : ''} = [${b}]\nCheck transposeA and transposeB.`,
    );
  }
  const [aLeading, bLeading] = [a.slice(0, -2), b.slice(0, -2)];
  const [aItems, bItems] = [sizeOf(aLeading), sizeOf(bLeading)];
  const same = aLeading.length === bLeading.length && aLeading.every((extent, axis) => extent === bLeading[axis]);
  if (!same && aItems !== 1 && bItems !== 1) {
    throw new ShapeError(
      `matmul: expected equal leading axes, or a single matrix on one side, got [${aLeading}] and [${bLeading}]. ` +
        'Expand one of them with broadcastTo().',
    );
  }
  const aShared = !same && aItems === 1 && (bItems !== 1 || aLeading.length <= bLeading.length);
  const bShared = !same && !aShared;
  const leading = aShared ? bLeading : aLeading;
  return { batch: sizeOf(leading), m, n, k, transposeA, transposeB, aShared, bShared, leading };
}

/** @throws ShapeError when the bias is not one number a row (or column) */
export function checkBias(bias: TensorSpec | undefined, extent: number, axis: string): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== extent)) {
    throw new ShapeError(
      `matmul: expected bias to have shape [${extent}], one number a ${axis}, got [${bias.shape}]. Check biasAxis.`,
    );
  }
}
