import type { Cost, Device, Profiler, Tensor } from '../engine/index.ts';
import { recordBurn, warmUp } from '../kernels/index.ts';
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
  /** of the work that the GPU did before the runs, to keep its clock up: 1 where it was as fast as ever on this device */
  readonly speed?: number;
}

export interface MeasureOptions {
  /** seconds to spend on a variant */
  readonly seconds: number;
  /** whether a variant is not run again that took so many times as long as the fastest in the better of its first two runs */
  readonly hopeless?: (variant: Variant, times: number) => boolean;
}

interface Run {
  readonly seconds: number;
  /** on a GPU a share of what all runs of a batch took */
  readonly wall: number;
  readonly hostUs: number;
  readonly cost: Cost;
  readonly dispatches: number;
}

const FEWEST_RUNS = 5;
const ENOUGH_RUNS = 30;
/** after which the hopeless are found */
const JUDGED_RUNS = 2;
/** What goes out together takes about so long: much longer than the pause after it. */
const BATCH_SECONDS = 0.05;

/** Rounds to time at once, after `round` of them, of variants that take so long each. */
function roundsTogether(round: number, seconds: readonly number[]): number {
  const most = round < JUDGED_RUNS ? JUDGED_RUNS - round : ENOUGH_RUNS - round;
  const turn = seconds.reduce((sum, one) => sum + one, 0);
  return Math.max(1, Math.min(most, Math.floor(BATCH_SECONDS / turn)));
}

/**
 * Times variants in turns, so that a clock that drifts or a neighbour that works meets all of them alike. On a GPU many runs
 * go out together, behind a burn: where it waits for its host it slows down.
 */
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
  const speeds: number[] = [];
  const gpu = device.capabilities.timestamps && !device.capabilities.software;
  for (let round = 0; round < ENOUGH_RUNS; ) {
    const turn = variants.flatMap((variant, i) =>
      (round >= FEWEST_RUNS && spent[i] > seconds) || out.has(variant) ? [] : [{ variant, i }],
    );
    if (turn.length === 0) break;
    const rounds = gpu
      ? roundsTogether(
          round,
          turn.map(({ i }) => (runs[i].at(-1) ?? first[i]).seconds),
        )
      : 1;
    const items = Array.from({ length: rounds }, () => turn).flat();
    const timed = gpu
      ? await runTogether(device, items, (speed) => speeds.push(speed))
      : await inOrder(items, ({ variant }) => runOnce(device, variant));
    for (const [at, { i }] of items.entries()) {
      runs[i].push(timed[at]);
      spent[i] += timed[at].wall;
    }
    const isJudged = round < JUDGED_RUNS && round + rounds >= JUDGED_RUNS;
    round += rounds;
    if (!isJudged) continue;
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
      ...(speeds.length > 0 ? { speed: Math.min(...speeds) } : {}),
    });
  }
  return found;
}

async function inOrder<T, R>(items: readonly T[], fn: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await fn(item));
  return results;
}

async function runOnce(device: Device, variant: Variant): Promise<Run> {
  variant.prepare();
  await device.finish();
  const start = performance.now();
  const { profiler, hostUs } = recordRun(device, variant);
  await device.finish();
  const wall = (performance.now() - start) / 1e3;
  const found = await foundBy(profiler);
  return { ...found, seconds: device.capabilities.timestamps ? found.seconds : wall, wall, hostUs };
}

/** Runs that follow each other without a gap, at full clock. */
async function runTogether(
  device: Device,
  items: readonly { readonly variant: Variant }[],
  onSpeed: (speed: number) => void,
): Promise<Run[]> {
  await warmUp(device);
  const start = performance.now();
  let speedOf = async () => Number.NaN;
  const recorded = device.recorder.together(() => {
    speedOf = recordBurn(device);
    return items.map(({ variant }) => {
      variant.prepare();
      return recordRun(device, variant);
    });
  });
  await device.finish();
  const wall = (performance.now() - start) / 1e3 / items.length;
  const speed = await speedOf();
  if (Number.isFinite(speed)) onSpeed(speed);
  return inOrder(recorded, async ({ profiler, hostUs }) => ({ ...(await foundBy(profiler)), wall, hostUs }));
}

/** Records one run under a profiler of its own. */
function recordRun(device: Device, variant: Variant): { profiler: Profiler; hostUs: number } {
  const profiler = device.profile();
  const start = performance.now();
  const results = variant.run();
  const hostUs = (performance.now() - start) * 1e3;
  device.recorder.profiler = undefined;
  dispose(results);
  return { profiler, hostUs };
}

/** What a run took and did, once the GPU has finished it. */
async function foundBy(profiler: Profiler): Promise<Pick<Run, 'seconds' | 'cost' | 'dispatches'>> {
  const rows = await profiler.results();
  const total = (pick: 'ms' | 'flops' | 'bytes' | 'calls') => rows.reduce((sum, row) => sum + row[pick], 0);
  return {
    seconds: total('ms') / 1e3,
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
