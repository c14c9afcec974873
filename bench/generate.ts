/** Times GauGAN painting: a label map in memory to a picture in memory, as `miaobi generate` does it. */
import { throughputOf } from '../engine/index.ts';
import { initialState } from '../models/gaugan/state.ts';
import { gauganPainter } from '../train/infer/generate-picture.ts';
import type { GauganNetworks } from '../train/recipes/gaugan-losses.ts';
import { type GauganShape, generatorNetworks, specsOfGenerator } from '../train/recipes/gaugan-networks.ts';
import { type Row, timesOf } from './row.ts';
import { summarize } from './statistics.ts';
import { repeat, type Timing, timed } from './suite.ts';

/** The release's network for COCO: 182 classes, the unknown one, and the edges of instances. */
export const COCO: GauganShape = {
  ...{ netG: 'spade', labelNc: 182, dontCare: true, instance: true, ngf: 64, nhidden: 128 },
  ...{ normG: 'spectralspadesyncbatch3x3', normE: 'spectralinstance', numUpsamplingLayers: 'normal' },
  ...{ cropSize: 256, aspectRatio: 1, useVae: false, zDim: 256, flavour: 'pytorch' },
};

const SMALL: GauganShape = {
  ...COCO,
  labelNc: 29,
  dontCare: false,
  instance: false,
  ngf: 16,
  nhidden: 32,
  cropSize: 64,
};

export interface GenerateCase {
  readonly sample: string;
  readonly shape: GauganShape;
}

export const GENERATE = {
  coco: { sample: 'ngf 64, 182 classes, unknown and edges, 256²', shape: COCO },
  small: { sample: 'ngf 16, 29 classes, 64²', shape: SMALL },
} as const satisfies Readonly<Record<string, GenerateCase>>;

/** Side of the squares that the map is painted in. */
const SQUARE = 16;

export async function generateRow(
  { device, environment, roofline, seconds }: Timing,
  { sample, shape }: GenerateCase,
  precision: 'f32' | 'f16',
): Promise<Row> {
  await device.finish();
  device.pool.trim();
  const start = device.pool.stats.allocatedBytes;
  const networks: Pick<GauganNetworks, 'generator' | 'encoder'> = generatorNetworks(shape);
  const init = { type: 'xavier', gain: 0.02, spectral: false } as const;
  const G = initialState(device, specsOfGenerator(networks.generator), { seed: 1, stream: 1, init });
  const rule = { labelNc: shape.labelNc, dontCare: shape.dontCare ? 255 : undefined, instance: shape.instance };
  const size = { width: shape.cropSize, height: shape.cropSize };
  const painter = gauganPainter({ device, state: { G }, networks, rule, size }, { precision });
  const forecast = painter.forecast();
  const forecastBytes = device.pool.stats.allocatedBytes - start + forecast.peakBytes;
  device.pool.resetPeaks();
  const labels = squares(size.width, shape.labelNc);
  const once = () => timed(() => painter.paint({ labels }));
  const first = await once();
  const runs = await repeat(seconds, once);
  const { peakAllocatedBytes, peakUsedBytes } = device.pool.stats;
  painter.dispose();
  const times = summarize(runs.map((run) => run.seconds));
  return {
    ...{ suite: 'infer', op: 'gaugan', sample, pass: 'generate', dtype: precision, clock: 'wall' },
    ...{ ...timesOf(times), ...throughputOf(roofline, forecast, times.median) },
    ...{ cpuUs: summarize(runs.map((run) => run.cpuUs)).median, firstMs: first.seconds * 1e3 },
    ...{ peakBytes: peakAllocatedBytes - start, liveBytes: peakUsedBytes - start, forecastBytes },
    ...environment,
  };
}

/** A map of squares, a class each. */
function squares(side: number, classes: number): Uint8Array {
  const across = Math.ceil(side / SQUARE);
  const at = (i: number) => across * Math.floor(Math.floor(i / side) / SQUARE) + Math.floor((i % side) / SQUARE);
  return Uint8Array.from({ length: side * side }, (_, i) => at(i) % classes);
}
