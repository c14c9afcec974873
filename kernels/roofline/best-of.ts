import { type Cost, type Device, invariant } from '../../engine/index.ts';

export interface Best {
  readonly cost: Cost;
  readonly seconds: number;
}

/**
 * The shortest of several runs of one dispatch, by timestamps where there are some, else by the clock. By timestamps the
 * runs follow each other without a gap.
 */
export async function bestOf(device: Device, launch: () => void, rounds: number): Promise<Best> {
  const together = device.capabilities.timestamps && !device.capabilities.software;
  const { profiler: outer } = device.recorder;
  await device.finish();
  let seconds = Number.POSITIVE_INFINITY;
  let cost: Cost | undefined;
  const record = () => {
    const profiler = device.profile();
    launch();
    device.recorder.profiler = outer;
    return profiler;
  };
  try {
    // the first compiles, and warms up
    record();
    await device.finish();
    const recorded = together ? device.recorder.together(() => Array.from({ length: rounds }, record)) : [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const profiler = recorded[round] ?? record();
      await device.finish();
      const wall = (performance.now() - start) / 1e3;
      const [row] = await profiler.results();
      cost = row;
      seconds = Math.min(seconds, row.ms > 0 ? row.ms / 1e3 : wall);
    }
  } finally {
    device.recorder.profiler = outer;
  }
  invariant(cost, 'nothing was measured: not one dispatch');
  return { cost, seconds };
}
