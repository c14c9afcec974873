import { Bench, type Task } from 'tinybench';
import { type Device, grad, invariant, scope, type Tensor, tensor } from '../engine/index.ts';
import { add, mul, sum, tanh } from '../kernels/index.ts';
import type { Environment } from './environment.ts';
import { type Row, samplesOf } from './row.ts';
import { summarize } from './statistics.ts';

const LENGTH = 100;

/**
 * What an op costs on the host: checking shapes, memory, packing, recording, submitting. Tensors are tiny, so the GPU
 * has next to nothing to do. Times are per dispatch.
 */
export async function benchHost(device: Device, environment: Environment, onRow: (row: Row) => void): Promise<void> {
  const x = tensor(device, [0.5, -0.25], [2]);
  const chain = (h: Tensor) => {
    let out = h;
    for (let i = 0; i < LENGTH / 2; i++) out = tanh(add(out, x));
    return out;
  };
  const steps: Record<string, () => void> = {
    'a chain of 100 ops': () => chain(x),
    'a chain of 100 ops with its gradient': () => grad((p: { x: Tensor }) => sum(mul(chain(p.x), p.x)))({ x }),
  };
  const bench = new Bench({ time: 1000, warmupIterations: 5, retainSamples: true });
  const dispatches = new Map<string, number>();
  for (const [name, step] of Object.entries(steps)) {
    const before = device.recorder.dispatches;
    scope(() => void step());
    dispatches.set(name, device.recorder.dispatches - before);
    await device.finish();
    const submitted = () => {
      scope(() => void step());
      invariant(device.recorder.flushIfReady(), 'a pipeline is missing after the warm-up');
    };
    bench.add(name, submitted, { beforeEach: () => device.finish() });
  }
  await bench.run();
  for (const task of bench.tasks) onRow({ ...rowOf(task, dispatches.get(task.name) as number), ...environment });
  x.dispose();
}

function rowOf({ name, result }: Task, dispatches: number): Omit<Row, keyof Environment> {
  if (result.state !== 'completed') throw 'error' in result ? result.error : new Error(`${name}: ${result.state}`);
  const { median, p95, min, spread, runs, sorted } = summarize(result.latency.samples ?? []);
  const perOp = (ms: number) => (ms * 1e3) / dispatches;
  return {
    ...{ suite: 'host', op: 'host', sample: name, pass: 'forward', dtype: 'f32', clock: 'host' },
    ...{ us: perOp(median), p95: perOp(p95), min: perOp(min), spread, runs, dispatches },
    samples: samplesOf(sorted, 1e3 / dispatches),
  };
}
