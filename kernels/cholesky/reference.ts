import type { Ref } from '../../engine/index.ts';

/**
 * L with L Lᵀ = S + jitter I, S the symmetric part of A: as a function of all n² numbers its gradient is the symmetric
 * one. Cholesky-Banachiewicz, row by row.
 */
export function choleskyRef(a: Ref, jitter: number): Ref {
  const n = a.shape[a.shape.length - 1];
  const l = new Float64Array(a.data.length);
  for (let base = 0; base < l.length; base += n * n) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let rest = (a.data[base + i * n + j] + a.data[base + j * n + i]) / 2 + (i === j ? jitter : 0);
        for (let k = 0; k < j; k++) rest -= l[base + i * n + k] * l[base + j * n + k];
        l[base + i * n + j] = i === j ? Math.sqrt(rest) : rest / l[base + j * n + j];
      }
    }
  }
  return { shape: a.shape, data: l };
}
