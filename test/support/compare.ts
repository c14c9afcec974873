import { expect } from 'vitest';
import type { DType, Ref } from '../../engine/index.ts';

/** Rounding unit of a storage type. */
export function unitOf(dtype: DType): number {
  return dtype === 'f16' ? 2 ** -11 : 2 ** -24;
}

/**
 * Asserts |got − want| ≤ tolerance · (|want| + rms(want)) for every element: errors scale with the terms that were
 * summed, not with a result that may have cancelled.
 */
export function expectClose(got: ArrayLike<number>, want: Ref, tolerance: number, what: string): void {
  expect(got.length, `${what}: number of elements`).toBe(want.data.length);
  let squares = 0;
  for (const value of want.data) squares += value * value;
  const rms = Math.sqrt(squares / want.data.length);
  let worst = 0;
  let at = -1;
  for (let i = 0; i < want.data.length; i++) {
    const error = Math.abs(got[i] - want.data[i]) / (Math.abs(want.data[i]) + rms || 1);
    if (!(error <= worst)) {
      worst = error;
      at = i;
      if (Number.isNaN(error)) break;
    }
  }
  const detail = at < 0 ? '' : ` (element ${at}: got ${got[at]}, want ${want.data[at]})`;
  expect(worst, `${what}: worst relative error${detail}`).toBeLessThanOrEqual(tolerance);
}
