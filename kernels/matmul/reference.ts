import type { Ref } from '../../engine/index.ts';
import type { Product } from './shapes.ts';

/** y[b, i, j] = Σ_k A[b, i, k] · B[b, k, j], then `f` of every value and its row and column. */
export function matmulRef(a: Ref, b: Ref, p: Product, f: (value: number, row: number, column: number) => number): Ref {
  const data = new Float64Array(p.batch * p.m * p.n);
  for (let item = 0; item < p.batch; item++) {
    const [aAt, bAt] = [p.aShared ? 0 : item * p.m * p.k, p.bShared ? 0 : item * p.k * p.n];
    for (let i = 0; i < p.m; i++) {
      for (let j = 0; j < p.n; j++) {
        let sum = 0;
        for (let k = 0; k < p.k; k++) {
          const left = p.transposeA ? k * p.m + i : i * p.k + k;
          const right = p.transposeB ? j * p.k + k : k * p.n + j;
          sum += a.data[aAt + left] * b.data[bAt + right];
        }
        data[(item * p.m + i) * p.n + j] = f(sum, i, j);
      }
    }
  }
  return { shape: [...p.leading, p.m, p.n], data };
}
