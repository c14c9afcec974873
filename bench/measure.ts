import type { Cost, Device, Tensor } from '../engine/index.ts';
import { type Summary, summarize } from './statistics.ts';
import type { Variant } from './variant.ts';

/** What was found out about one variant. */
export interface Measurement {
  readonly variant: Variant;
  /** seconds of one run */
  readonly seconds: Summary;
  /** by timestamps on the GPU, or by the clock, submission and waiting included */
  readonly clock: 'gpu' | 'wall';
  /** milliseconds from the first call to its end: what compiling costs is in it */
  readonly firstMs: number;
  /** microseconds that recording one run takes on the host */
  readonly hostUs: number;
  readonly cost: Cost;
  readonly dispatches: number;
  /** of the bits at the start of the result: work whose result is read cannot vanish */
  readonly checksum: string;
}

export interface MeasureOptions {
  /** seconds to spend on a variant */
  readonly seconds: number;
  /** whether a variant is not run again that took so many times as long as the fastest in the better of its first two runs */
  readonly hopeless?: (variant: Variant, times: number) => boolean;
}

interface Run {
  readonly seconds: number;
  readonly wall: number;
  readonly hostUs: number;
  readonly cost: Cost;
  readonly dispatches: number;
}

const FEWEST_RUNS = 5;
const ENOUGH_RUNS = 30;

/** Times variants in turns, so that a clock that drifts or a neighbour that works meets all of them alike. */
export async function measure(
  device: Device,
  variants: readonly Variant[],
  { seconds, hopeless }: MeasureOptions,
): Promise<Measurement[]> {
  const first: Run[] = [];
  for (const variant of variants) first.push(await runOnce(device, variant));
  const runs: Run[][] = variants.map(() => []);
  const spent = variants.map(() => 0);
  const out = new Set<Variant>();
  for (let round = 0; round < ENOUGH_RUNS; round++) {
    for (const [i, variant] of variants.entries()) {
      if ((round >= FEWEST_RUNS && spent[i] > seconds) || out.has(variant)) continue;
      const run = await runOnce(device, variant);
      runs[i].push(run);
      spent[i] += run.wall;
    }
    if (round !== 1) continue;
    const best = runs.map((own) => Math.min(...own.map((run) => run.seconds)));
    const fastest = Math.min(...best);
    for (const [i, variant] of variants.entries()) if (hopeless?.(variant, best[i] / fastest)) out.add(variant);
  }
  const found: Measurement[] = [];
  for (const [i, variant] of variants.entries()) {
    found.push({
      variant,
      seconds: summarize(runs[i].map((run) => run.seconds)),
      clock: device.capabilities.timestamps ? 'gpu' : 'wall',
      firstMs: first[i].wall * 1e3,
      hostUs: summarize(runs[i].map((run) => run.hostUs)).median,
      cost: first[i].cost,
      dispatches: first[i].dispatches,
      checksum: await checksum(device, variant),
    });
  }
  return found;
}

async function runOnce(device: Device, variant: Variant): Promise<Run> {
  variant.prepare();
  await device.finish();
  const profiler = device.profile();
  const start = performance.now();
  const results = variant.run();
  const recorded = performance.now();
  await device.finish();
  const end = performance.now();
  device.recorder.profiler = undefined;
  dispose(results);
  const rows = await profiler.results();
  const total = (pick: 'ms' | 'flops' | 'bytes' | 'calls') => rows.reduce((sum, row) => sum + row[pick], 0);
  const wall = (end - start) / 1e3;
  return {
    seconds: device.capabilities.timestamps ? total('ms') / 1e3 : wall,
    wall,
    hostUs: (recorded - start) * 1e3,
    cost: { flops: total('flops'), bytes: total('bytes') },
    dispatches: total('calls'),
  };
}

const CHECKED_BYTES = 4096;

/** FNV-1a over the first bytes of the first result. */
async function checksum(device: Device, variant: Variant): Promise<string> {
  variant.prepare();
  const results = variant.run();
  const [result] = results;
  if (!result) return '';
  const bytes = Math.min(CHECKED_BYTES, result.size * (result.dtype === 'f16' ? 2 : 4));
  const data = new Uint8Array(await device.read(result.storage.buffer, bytes), 0, bytes);
  dispose(results);
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

function dispose(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
