import type { Ref } from '../../engine/index.ts';

/** scale · Σ |a − b|. */
export function l1Ref(a: Ref, b: Ref, scale: number): Ref {
  const sum = a.data.reduce((total, value, i) => total + Math.abs(value - b.data[i]), 0);
  return { shape: [], data: Float64Array.of(scale * sum) };
}

/** scale · g · sign(a − b). */
export function l1GradientRef(a: Ref, b: Ref, g: Ref, scale: number): Ref {
  return { shape: a.shape, data: a.data.map((value, i) => scale * g.data[0] * Math.sign(value - b.data[i])) };
}
