import type { DType } from '../../engine/index.ts';
import { kernelRow } from '../kernels.ts';
import { measure } from '../measure.ts';
import { type KernelCase, kernelCases, variantsOf } from './kernel-cases.ts';
import type { Stage, Task } from './stage.ts';

/** Seconds of timing for a pass; a case takes at least five runs of each, and what it compiles. */
const SECONDS = 0.3;

export function kernelStage(software: boolean, types: readonly DType[]): Stage {
  const cases = kernelCases(software);
  const tasks = types.flatMap((dtype) => cases.map((one) => task(one, dtype, software)));
  return { name: 'kernels', share: 4, tasks };
}

function task(one: KernelCase, dtype: DType, software: boolean): Task {
  return {
    id: `kernels: ${one.op} · ${one.sample} · ${dtype}`,
    estimate: software ? 4 : 2,
    run: async ({ device, measured, onRow }) => {
      const on = await device();
      const variants = variantsOf(on, one, dtype);
      try {
        for (const found of await measure(on, variants, { seconds: SECONDS })) onRow(kernelRow(measured(), found));
      } finally {
        for (const variant of variants) variant.release();
        await on.finish();
        on.pool.trim();
      }
      return undefined;
    },
  };
}
