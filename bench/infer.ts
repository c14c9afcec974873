import {
  type Cost,
  type Device,
  leaves,
  scope,
  type Tensor,
  type Tree,
  tensor,
  throughputOf,
} from '../engine/index.ts';
import { warmUp } from '../kernels/index.ts';
import { cwct } from '../models/cap-vstnet/cwct.ts';
import { type CapVstnet, type PlanarPicture, storageOf } from '../models/cap-vstnet/latent.ts';
import { decode, encode } from '../models/cap-vstnet/network.ts';
import { stylize } from '../models/cap-vstnet/stylize.ts';
import { planStylize } from '../models/cap-vstnet/stylize-plan.ts';
import type { Size } from '../models/cap-vstnet/tiles.ts';
import { toPlanar } from '../train/data/image/picture.ts';
import { drawLandscape, type MoodName } from '../train/data/synth/landscape.ts';
import { loadCapVstnet } from '../train/infer/load-cap-vstnet.ts';
import { type Row, timesOf, titleOf } from './row.ts';
import { type Summary, summarize } from './statistics.ts';
import { type NetworkChoice, type NetworkSuite, repeat, type Timing, timed } from './suite.ts';

/** Rows of a transfer: all of it as `miaobi stylize` does it, and its parts one by one. */
const PASSES = ['transfer', 'encode content', 'encode style', 'statistics and cWCT', 'decode'];

export interface InferCase extends Size {
  readonly sample: string;
  readonly dtype: 'f32' | 'f16';
}

/** What there is to time: that of which a row's title contains the filter. */
export function inferCases({ sizes, types, filter }: NetworkChoice): InferCase[] {
  const cases: InferCase[] = [];
  for (const size of sizes) {
    for (const dtype of types) {
      const sample = `photo, ${size}²`;
      const names = PASSES.map((pass) => titleOf({ op: 'cap-vstnet', sample, pass, dtype }));
      if (dtype !== 'u32' && names.some((name) => name.includes(filter)))
        cases.push({ sample, width: size, height: size, dtype });
    }
  }
  return cases;
}

/** Times transfers of CAP-VSTNet's published photo network, untrained, from pictures in memory to a picture in memory. */
export async function benchInfer(suite: NetworkSuite): Promise<void> {
  const cases = inferCases(suite);
  for (const [i, one] of cases.entries()) {
    if (one.dtype === 'f16' && !suite.device.capabilities.f16) continue;
    suite.onGroup(i + 1, cases.length, `${one.sample} · ${one.dtype}`);
    for (const row of await inferRows(suite, one)) suite.onRow(row);
  }
}

/** The rows of one transfer: the whole first, then its parts where the device holds the picture in one piece. */
export async function inferRows({ device, environment, roofline, seconds }: Timing, one: InferCase): Promise<Row[]> {
  await device.finish();
  device.pool.trim();
  await warmUp(device);
  const start = device.pool.stats.allocatedBytes;
  const { net } = await loadCapVstnet(device, { dtype: one.dtype });
  const content = picture(one, 'noon');
  const style = picture(one, 'dusk');
  const { forecast, tiles } = planStylize(net, content);
  const forecastBytes = device.pool.stats.allocatedBytes - start + forecast.peakBytes;
  device.pool.resetPeaks();
  const transfer = () => timed(() => stylize(net, content, [{ picture: style, weight: 1 }]));
  const first = await transfer();
  await warmUp(device);
  const runs = await repeat(seconds, transfer);
  const whole = summarize(runs.map((run) => run.seconds));
  const cpuUs = summarize(runs.map((run) => run.cpuUs)).median;
  const { peakAllocatedBytes, peakUsedBytes } = device.pool.stats;
  const { parts, total } = tiles.length === 1 ? await partsOf(device, net, content, style) : IN_TILES;
  for (const [, leaf] of leaves(net.params as unknown as Tree)) leaf.dispose();
  const row = (pass: string, times: Summary, cost: Cost | undefined): Row => ({
    ...{ suite: 'infer', op: 'cap-vstnet', sample: one.sample, pass, dtype: one.dtype, clock: 'wall' },
    ...timesOf(times),
    ...(cost ? throughputOf(roofline, cost, times.median) : {}),
    ...environment,
  });
  const memory = { peakBytes: peakAllocatedBytes - start, liveBytes: peakUsedBytes - start, forecastBytes };
  return [
    { ...row('transfer', whole, total), cpuUs, firstMs: first.seconds * 1e3, ...memory },
    ...parts.map(({ pass, seconds, cpuUs, cost }) => ({ ...row(pass, summarize([seconds]), cost), cpuUs })),
  ];
}

/** What is computed in tiles has no parts of one size. */
const IN_TILES: { readonly parts: readonly Part[]; readonly total: Cost | undefined } = { parts: [], total: undefined };

interface Part {
  readonly pass: string;
  readonly seconds: number;
  readonly cpuUs: number;
  /** absent where the work is on the host */
  readonly cost?: Cost;
}

/** The parts of a transfer, the GPU finished after each; and what all of them compute. */
async function partsOf(device: Device, net: CapVstnet, content: PlanarPicture, style: PlanarPicture) {
  const { params, config } = net;
  const parts: Part[] = [];
  const part = async <T>(pass: string, run: () => T | Promise<T>, cost?: Cost): Promise<T> => {
    const finished = async () => {
      const result = await run();
      await device.finish();
      return result;
    };
    const { result, ...times } = await timed(finished);
    parts.push({ pass, cost, ...times });
    return result;
  };
  const upload = ({ planar, height, width }: PlanarPicture) =>
    tensor(device, planar, [1, config.inChannel, height, width], storageOf(net));
  const forth = (of: PlanarPicture) => scope(() => encode(params, config, upload(of)));
  const back = (z: Tensor) => scope(() => decode(params, config, z));
  const cost = device.forecast(() => void forth(content));
  const own = await part('encode content', () => forth(content), cost);
  const other = await part('encode style', () => forth(style), cost);
  const costBack = device.forecast(() => void back(own));
  const { out } = await part('statistics and cWCT', () => cwct(own, [{ latent: other, weight: 1 }]));
  const painted = await part(
    'decode',
    async () => {
      const y = back(out);
      await y.data();
      return y;
    },
    costBack,
  );
  for (const t of [own, other, out, painted]) t.dispose();
  const total: Cost = { flops: 2 * cost.flops + costBack.flops, bytes: 2 * cost.bytes + costBack.bytes };
  return { parts, total };
}

/** Drawing takes seconds a million pixels: beyond this side a landscape is repeated. */
const DRAWN_SIDE = 512;

export function picture({ width, height }: Size, mood: MoodName, drawn = DRAWN_SIDE): PlanarPicture {
  const [w, h] = [Math.min(width, drawn), Math.min(height, drawn)];
  const landscape = toPlanar(drawLandscape(w, h, 1, mood));
  if (w === width && h === height) return { planar: landscape, width, height };
  const planar = new Float32Array(3 * width * height);
  for (let row = 0; row < 3 * height; row++) {
    const from = (Math.floor(row / height) * h + ((row % height) % h)) * w;
    for (let x = 0; x < width; x += w) {
      planar.set(landscape.subarray(from, from + Math.min(w, width - x)), row * width + x);
    }
  }
  return { planar, width, height };
}
