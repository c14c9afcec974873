import { type Shape, ShapeError, sizeOf } from '../../engine/index.ts';

/** A tensor seen as [outer, length, inner], reduced over `length`. */
export interface Run {
  outer: number;
  length: number;
  inner: number;
}

/** The axes start … end−1 of a shape as one. */
export function runOf(shape: Shape, start: number, end: number): Run {
  return {
    outer: sizeOf(shape.slice(0, start)),
    length: sizeOf(shape.slice(start, end)),
    inner: sizeOf(shape.slice(end)),
  };
}

/**
 * Axes sorted, counted from the front; all of them when undefined.
 *
 * @throws ShapeError when an axis is out of range or given twice
 */
export function normalizeAxes(name: string, shape: Shape, axes: readonly number[] | undefined): number[] {
  const rank = shape.length;
  const sorted = (axes ?? shape.map((_, axis) => axis))
    .map((axis) => (axis < 0 ? axis + rank : axis))
    .sort((a, b) => a - b);
  if (sorted.some((axis, i) => !(axis >= 0 && axis < rank) || axis === sorted[i - 1])) {
    throw new ShapeError(
      `${name}: axes [${axes}] do not fit shape [${shape}]. Expected different axes from ${-rank} to ${rank - 1}.`,
    );
  }
  return sorted;
}

/** Sorted axes as runs [start, end) of neighbours, the last first. */
export function runsOf(axes: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    if (last && last[1] === axis) last[1] = axis + 1;
    else runs.push([axis, axis + 1]);
  }
  return runs.reverse();
}

/** The shape with `axes` at 1, or without them. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdims: boolean): number[] {
  return keepdims
    ? shape.map((n, axis) => (axes.includes(axis) ? 1 : n))
    : shape.filter((_, axis) => !axes.includes(axis));
}
