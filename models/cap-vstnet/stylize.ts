import {
  empty,
  type Forecast,
  LimitError,
  OutOfMemoryError,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../engine/index.ts';
import { matmul, mergeStatistics, reshape, type Statistics, where } from '../../kernels/index.ts';
import { type AffineMap, affineMap, StatisticsError } from './cwct-host.ts';
import {
  type CapVstnet,
  clip,
  cropTensor,
  encodeTiles,
  type Latent,
  latentTile,
  type PlanarPicture,
  type Region,
  scaled,
  storeTile,
  tileStatistics,
} from './latent.ts';
import { decode, encode } from './network.ts';
import { type LabelMap, planRegions } from './regions.ts';
import { cropPlanar, cutTiles, pastePlanar, type Rect, reflectTo, type Size, type Tile } from './tiles.ts';

export interface StyleInput {
  readonly picture: PlanarPicture;
  /** share among the styles; they should sum to 1 */
  readonly weight: number;
  /** labels of the style picture, any size */
  readonly mask?: LabelMap;
}

export interface StylizeOptions {
  /** share of the content's own statistics in the result: 0 is the style alone, 1 gives the content back */
  readonly alphaContent?: number;
  /** labels of the content picture, any size; every style then needs a mask, too */
  readonly mask?: LabelMap;
  /** largest side of a tile in pixels, halo included; by default the picture is cut only where it must be */
  readonly tile?: number;
  /** share of the work that is done, from 0 to 1 */
  readonly onProgress?: (done: number) => void;
}

export interface StylizePlan {
  readonly tiles: readonly Tile[];
  /** the picture's size after reflection to legal sides */
  readonly padded: Size;
  /** what one tile takes at most */
  readonly forecast: Forecast;
}

/**
 * Repaints a picture with the statistics of others: encode, cWCT, decode. Tiled or not, statistics are those of the
 * whole picture.
 *
 * @param content  [3, H, W] of any size; the result has the same
 * @param styles   at least one, of any sizes
 * @returns        [3, H, W] in planes, not clamped
 * @throws ShapeError for a picture under 2 pixels a side; LimitError, OutOfMemoryError when not even one tile fits
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867
 */
export async function stylize(
  net: CapVstnet,
  content: PlanarPicture,
  styles: readonly StyleInput[],
  options: StylizeOptions = {},
): Promise<Float32Array> {
  const plan = planStylize(net, content, options.tile);
  const masks = matchMasks(net, content, styles, options.mask);
  const progress = progressOver([...styles.map(({ picture }) => picture), content, content], options.onProgress);

  const styleStatistics: Statistics[][] = [];
  for (const [k, { picture }] of styles.entries()) {
    const { statistics } = await measure(
      net,
      picture,
      planStylize(net, picture, options.tile),
      masks?.style[k],
      false,
      progress,
    );
    styleStatistics.push(statistics);
  }
  const { latent, statistics } = await measure(net, content, plan, masks?.content, true, progress);
  try {
    const maps = statistics.map((own, r) => {
      const mixed = styles.map(({ weight }, k) => ({ statistics: styleStatistics[k][r], weight }));
      return affineMap(own, mixed, net.plan.latentChannels, { alphaContent: options.alphaContent });
    });
    return await decodeTiles(net, content, plan, latent as Latent, maps, masks?.content, progress);
  } finally {
    latent?.whole?.dispose();
  }
}

/**
 * How a picture will be cut, and what the largest tile takes.
 *
 * @param tile  largest side of a tile; by default the largest that the device's limits and memory allow
 */
export function planStylize(net: CapVstnet, picture: Size, tile?: number): StylizePlan {
  const { multiple, smallest } = net.plan;
  if (picture.height < 2 || picture.width < 2) {
    throw new ShapeError(
      `A picture of ${picture.width}×${picture.height} pixels cannot be repainted: expected at least 2 a side, for its ` +
        'statistics and its reflected borders. Use a larger picture.',
    );
  }
  const grown = (side: number) => Math.max(smallest, Math.ceil(side / multiple) * multiple);
  const padded = { height: grown(picture.height), width: grown(picture.width) };
  const planWith = (side: number) => {
    const tiles = cutTiles(padded.height, padded.width, side, multiple);
    return { tiles, padded, forecast: forecastTile(net, tiles, padded) };
  };
  if (tile !== undefined) return planWith(Math.floor(tile / multiple) * multiple);
  let refusal: unknown;
  for (const side of tileSides(padded)) {
    try {
      return planWith(side);
    } catch (error) {
      if (!(error instanceof LimitError || error instanceof OutOfMemoryError)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** Untiled first, then ever smaller squares. */
function tileSides({ height, width }: Size): number[] {
  const whole = Math.max(height, width);
  const squares = [4096, 3072, 2560, 2048, 1792, 1536, 1440, 1408, 1280, 1152, 1024, 896, 768, 640, 512];
  return [whole, ...squares.filter((side) => side < whole)];
}

/** Records encoding and decoding of the largest tile on shapes alone. */
function forecastTile(net: CapVstnet, tiles: readonly Tile[], padded: Size): Forecast {
  const largest = tiles.reduce((a, b) => (area(b.padded) > area(a.padded) ? b : a)).padded;
  const { latentChannels, latentScale } = net.plan;
  return net.device.forecast(() => {
    const x = empty(net.device, { shape: [1, net.config.inChannel, largest.height, largest.width], dtype: 'f32' });
    const z = encode(net.params, net.config, x);
    if (tiles.length === 1) keepLatent(z);
    decode(net.params, net.config, empty(net.device, z));
  });

  /** Untiled, the latent stays on the device while its mapped copy is decoded. */
  function keepLatent(z: Tensor): void {
    empty(net.device, {
      shape: [1, latentChannels, padded.height / latentScale, padded.width / latentScale],
      dtype: z.dtype,
    });
  }
}

/** Regions to transfer, for the content and for each style, in the same order of labels. */
interface Masks {
  readonly content: readonly Region[];
  readonly style: readonly (readonly Region[])[];
}

/** @throws StatisticsError when a content mask comes without one for each style, or no label is shared */
function matchMasks(
  net: CapVstnet,
  content: PlanarPicture,
  styles: readonly StyleInput[],
  mask: LabelMap | undefined,
): Masks | undefined {
  if (!mask && styles.every((style) => !style.mask)) return undefined;
  const { latentScale } = net.plan;
  const plans = styles.map((style) => {
    if (!mask || !style.mask) {
      throw new StatisticsError(
        'Masks: expected one for the content and one for each style, but some are missing. Give all or none.',
      );
    }
    return planRegions(mask, style.mask, ceilSize(content, latentScale), ceilSize(style.picture, latentScale));
  });
  const labels = plans[0].labels.filter((label) => plans.every((plan) => plan.labels.includes(label)));
  const regions = (map: LabelMap) => labels.map((label) => ({ map, label }));
  return { content: regions(plans[0].content), style: plans.map((plan) => regions(plan.style)) };
}

/** Encodes a picture and measures the whole of its latent, or each region; the latent is kept on request. */
async function measure(
  net: CapVstnet,
  picture: PlanarPicture,
  { tiles, padded }: StylizePlan,
  regions: readonly Region[] | undefined,
  keepLatent: boolean,
  progress: (pixels: number) => void,
): Promise<{ latent: Latent | undefined; statistics: Statistics[] }> {
  const { inChannel } = net.config;
  const { latentChannels: channels, latentScale } = net.plan;
  const size = ceilSize(picture, latentScale);
  const grown = ceilSize(padded, latentScale);
  const input = { ...padded, planar: reflectTo(picture.planar, inChannel, picture, padded) };
  const onHost = keepLatent && tiles.length > 1;
  let latent: Latent | undefined = onHost
    ? { ...grown, channels, whole: undefined, planes: new Float32Array(channels * area(grown)) }
    : undefined;
  const sums: (Statistics | undefined)[] = (regions ?? [undefined]).map(() => undefined);
  await encodeTiles(net, input, tiles, async (core, at) => {
    const parts = await tileStatistics(net.device, core, at, size, regions);
    parts.forEach((part, r) => {
      const sum = sums[r];
      if (part) sums[r] = sum ? mergeStatistics([sum, part]) : part;
    });
    if (latent) await storeTile(latent, core, at);
    else if (keepLatent) latent = { ...grown, channels, whole: core, planes: undefined };
    progress(area(at) * latentScale ** 2);
    return latent?.whole === core;
  });
  return { latent, statistics: sums.map((sum) => sum as Statistics) };
}

async function decodeTiles(
  net: CapVstnet,
  content: Size,
  { tiles }: StylizePlan,
  latent: Latent,
  maps: readonly AffineMap[],
  regions: readonly Region[] | undefined,
  progress: (pixels: number) => void,
): Promise<Float32Array> {
  const { inChannel } = net.config;
  const { latentScale, latentChannels } = net.plan;
  const out = new Float32Array(inChannel * area(content));
  const onDevice = uploadMaps(net, maps, latentChannels);
  for (const { core, padded: seen } of tiles) {
    const at = scaled(seen, latentScale);
    const part = scope(() => {
      const z = latentTile(net.device, latent, at);
      const mapped = applyMaps(net, z, onDevice, regions, at);
      const picture = decode(net.params, net.config, mapped);
      return cropTensor(picture, { ...core, top: core.top - seen.top, left: core.left - seen.left });
    });
    const values = (await part.data()) as Float32Array;
    part.dispose();
    const inside = clip(core, content);
    if (inside) {
      const cropped = cropPlanar(values, inChannel, core.height, core.width, inside);
      pastePlanar(out, inChannel, content.height, content.width, { ...core, ...sizeOnly(inside) }, cropped);
    }
    progress(area(core));
  }
  for (const { matrix, offset } of onDevice) for (const t of [matrix, offset]) t.dispose();
  return out;
}

interface DeviceMap {
  /** [N, N] */
  readonly matrix: Tensor;
  /** [N] */
  readonly offset: Tensor;
}

function uploadMaps({ device }: CapVstnet, maps: readonly AffineMap[], n: number): DeviceMap[] {
  return maps.map(({ matrix, offset }) => ({
    matrix: tensor(device, Float32Array.from(matrix), [n, n]),
    offset: tensor(device, Float32Array.from(offset), [n]),
  }));
}

/** y = M z + b; with regions each pixel by its own label's map, pixels of other labels unchanged. z: [1, N, h, w] */
function applyMaps(
  net: CapVstnet,
  z: Tensor,
  maps: readonly DeviceMap[],
  regions: readonly Region[] | undefined,
  at: Rect,
): Tensor {
  const [, n, h, w] = z.shape;
  const columns = reshape(z, [n, h * w]);
  const mapped = ({ matrix, offset }: DeviceMap) => matmul(matrix, columns, { bias: offset, biasAxis: 'row' });
  if (!regions) return reshape(mapped(maps[0]), z.shape);
  let out = columns;
  regions.forEach(({ map, label }, r) => {
    out = scope(() => {
      // labels past the picture's own size are those of its last row and column
      const mask = tensor(net.device, maskOf(map, label, at), [1, h * w]);
      return where(mask, mapped(maps[r]), out);
    });
  });
  return reshape(out, z.shape);
}

/** 1 where a pixel of the rectangle has the label; beyond the map its last row and column go on. */
function maskOf(map: LabelMap, label: number, { top, left, height, width }: Rect): Float32Array {
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.min(top + y, map.height - 1) * map.width;
    for (let x = 0; x < width; x++) {
      out[y * width + x] = map.labels[row + Math.min(left + x, map.width - 1)] === label ? 1 : 0;
    }
  }
  return out;
}

const area = ({ height, width }: Size) => height * width;
const sizeOnly = ({ height, width }: Size): Size => ({ height, width });
const ceilSize = ({ height, width }: Size, scale: number): Size => ({
  height: Math.ceil(height / scale),
  width: Math.ceil(width / scale),
});

/** Turns finished pixels of the passes into a share of all of them. */
function progressOver(passes: readonly Size[], report: ((done: number) => void) | undefined): (pixels: number) => void {
  const total = passes.reduce((sum, size) => sum + area(size), 0);
  let done = 0;
  return (pixels) => {
    done += pixels;
    report?.(Math.min(1, done / total));
  };
}
