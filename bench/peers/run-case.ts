import type { Device } from '../../engine/index.ts';
import type { Environment } from '../environment.ts';
import { timesOf } from '../row.ts';
import { inputsOf, type PeerCase } from './cases.ts';
import { distance } from './compare.ts';
import type { Library, Prepared } from './library.ts';
import { type PeerRow, titleOfCase } from './peer-row.ts';
import { timeInTurns } from './time.ts';

interface Ready {
  readonly library: Library;
  readonly prepared: Prepared;
  readonly firstMs: number;
  readonly error: number;
}

/**
 * One case in every library: prepares it, compares the numbers with those of the first library, and times those that are
 * right, in turns.
 */
export async function runCase(
  device: Device,
  libraries: readonly Library[],
  one: PeerCase,
  { seconds, environment }: { seconds: number; environment: Environment },
): Promise<PeerRow[]> {
  const inputs = inputsOf(one.work);
  const rows: PeerRow[] = [];
  const ready: Ready[] = [];
  const name = (library: Library) => ({
    ...{ suite: 'peers' as const, ...titleOfCase(one, library.name), version: library.version, ...environment },
  });
  let expected: Float32Array | undefined;
  for (const library of libraries) {
    const prepared = await guarded(device, () => library.prepare(one.work, inputs));
    if (typeof prepared === 'string') {
      rows.push({ ...name(library), status: 'left out', reason: prepared });
      continue;
    }
    if (prepared instanceof Error) {
      rows.push({ ...name(library), status: 'failed', reason: firstLine(prepared) });
      continue;
    }
    const start = performance.now();
    const result = await guarded(device, () => prepared.result());
    const firstMs = performance.now() - start;
    if (result instanceof Error) {
      rows.push({ ...name(library), status: 'failed', reason: firstLine(result) });
      continue;
    }
    expected ??= result;
    const error = distance(result, expected);
    if (error <= one.tolerance) ready.push({ library, prepared, firstMs, error });
    else {
      rows.push({ ...name(library), status: 'wrong', reason: `off by ${error.toExponential(1)} of the largest value` });
      prepared.dispose();
    }
  }
  const timed = await timeInTurns(
    ready.map(({ prepared }) => prepared),
    seconds,
  );
  for (const [i, { library, prepared, firstMs, error }] of ready.entries()) {
    const { seconds: times, cpuUs } = timed[i];
    const gflops = one.flops > 0 ? { gflops: one.flops / times.median / 1e9 } : {};
    rows.push({ ...name(library), clock: 'wall', ...timesOf(times), ...gflops, cpuUs, firstMs, error });
    prepared.dispose();
  }
  return rows;
}

/** What `fn` gives, or the error that it throws or that WebGPU reports meanwhile: libraries go on after those. */
async function guarded<T>(device: Device, fn: () => Promise<T>): Promise<T | Error> {
  device.gpu.pushErrorScope('validation');
  let result: T | Error;
  try {
    result = await fn();
  } catch (error) {
    result = error as Error;
  }
  const found = await device.gpu.popErrorScope();
  return found && !(result instanceof Error) ? new Error(found.message) : result;
}

const firstLine = ({ message }: Error) => message.trim().split('\n')[0].slice(0, 200);
