/** The two passes over a picture, tile by tile: to its latent and the statistics of it, and back through the transfer. */
import { scope, type Tensor, tensor } from '../../engine/index.ts';
import { concat, mergeStatistics, type Statistics, slice } from '../../kernels/index.ts';
import { applyMap, applyRegions } from './cwct.ts';
import type { AffineMap } from './cwct-host.ts';
import {
  type CapVstnet,
  cropLabels,
  cropTensor,
  type Latent,
  latentTile,
  type PlanarPicture,
  type Regions,
  storageOf,
  tileStatistics,
} from './latent.ts';
import { decodeTaking, encode } from './network.ts';
import { recordTile, type StylizePlan } from './stylize-plan.ts';
import {
  area,
  ceilSize,
  clip,
  cropPlanar,
  pastePlanar,
  type Rect,
  reflectTo,
  type Size,
  scaled,
  type Tile,
} from './tiles.ts';

/** What passes over several pictures share. */
export interface Work {
  readonly net: CapVstnet;
  /** hears of each finished tile the number of pixels that it answers for */
  readonly onPixels: (pixels: number) => void;
  /** is told of each tile before it is computed */
  readonly roomFor: (tile: Size) => Promise<void>;
}

/**
 * Before a tile of another size than the last, gives memory back (the pool would keep buffers for both) and compiles what
 * the tile needs, so that its work is submitted as it is recorded.
 */
export function roomMaker(net: CapVstnet): Work['roomFor'] {
  let last = '';
  return async (tile) => {
    const size = `${tile.height} × ${tile.width}`;
    if (size === last) return;
    if (last !== '') net.device.pool.trim();
    last = size;
    await net.device.prepare(() => recordTile(net, tile));
  };
}

/** Encodes a picture and measures the whole of its latent, or each region. */
export async function measurePicture(
  work: Work,
  picture: PlanarPicture,
  plan: StylizePlan,
  regions: Regions | undefined,
): Promise<Statistics[]> {
  const { parts, add } = regionSums(work.net, picture, regions);
  await encodeTiles(work, picture, plan, async (z, at) => {
    await add(z, at);
    z.dispose();
  });
  return parts.map(mergeStatistics);
}

/**
 * As `measurePicture`, and keeps the latent: on the device where the picture is one tile, else on the host.
 *
 * @returns  a latent whose tensor, if it is one, the caller disposes of
 */
export async function encodePicture(
  work: Work,
  picture: PlanarPicture,
  plan: StylizePlan,
  regions: Regions | undefined,
): Promise<{ latent: Latent; statistics: Statistics[] }> {
  const { net } = work;
  const { latentChannels: channels, latentScale } = net.plan;
  const { height, width } = ceilSize(plan.padded, latentScale);
  const { parts, add } = regionSums(net, picture, regions);
  const planes = plan.tiles.length > 1 ? new Float32Array(channels * height * width) : undefined;
  let values: Latent['values'] | undefined = planes;
  await encodeTiles(work, picture, plan, async (z, at) => {
    await add(z, at);
    if (!planes) {
      values = z;
      return;
    }
    pastePlanar(planes, channels, height, width, at, (await z.data()) as Float32Array);
    z.dispose();
  });
  return {
    latent: { channels, height, width, values: values as Latent['values'] },
    statistics: parts.map(mergeStatistics),
  };
}

/** Collects the statistics of each region from the tiles. */
function regionSums({ plan }: CapVstnet, picture: Size, regions: Regions | undefined) {
  const size = ceilSize(picture, plan.latentScale);
  const parts: Statistics[][] = (regions?.labels ?? [0]).map(() => []);
  const add = async (z: Tensor, at: Rect) => {
    const found = await tileStatistics(z, at, size, regions);
    found.forEach((part, r) => {
      if (part) parts[r].push(part);
    });
  };
  return { parts, add };
}

/**
 * Encodes tile by tile.
 *
 * @param use  takes the latent of a tile's core [1, C, h, w], at `at` in the latent; it disposes of it unless it throws
 */
async function encodeTiles(
  { net, onPixels, roomFor }: Work,
  picture: PlanarPicture,
  { tiles, padded }: StylizePlan,
  use: (z: Tensor, at: Rect) => Promise<void>,
): Promise<void> {
  const { inChannel } = net.config;
  const input = { ...padded, planar: reflectTo(picture.planar, inChannel, picture, padded) };
  for (const tile of tiles) {
    await roomFor(tile.padded);
    const z = scope(() => encodeTile(net, input, tile));
    try {
      await net.device.flush();
      await use(z, scaled(tile.core, net.plan.latentScale));
    } catch (error) {
      z.dispose();
      throw error;
    }
    onPixels(area(tile.core));
  }
}

function encodeTile(net: CapVstnet, { planar, height, width }: PlanarPicture, { core, padded }: Tile): Tensor {
  const { inChannel } = net.config;
  const values = cropPlanar(planar, inChannel, height, width, padded);
  const x = tensor(net.device, values, [1, inChannel, padded.height, padded.width], storageOf(net));
  return cropTensor(encode(net.params, net.config, x), scaled(within(core, padded), net.plan.latentScale));
}

/** The transfer: one affine map for each region, or one for all pixels. */
export interface Transfer {
  readonly maps: readonly AffineMap[];
  readonly regions: Regions | undefined;
}

/**
 * Decodes a latent through a transfer. A latent on the device is freed once it is mapped.
 *
 * @param size  the picture's, before padding
 * @returns     [3, H, W]
 */
export async function decodePicture(
  { net, onPixels, roomFor }: Work,
  size: Size,
  { tiles }: StylizePlan,
  latent: Latent,
  transfer: Transfer,
): Promise<Float32Array> {
  const { inChannel } = net.config;
  const out = new Float32Array(inChannel * area(size));
  for (const { core, padded } of tiles) {
    await roomFor(padded);
    const part = scope(() => {
      const at = scaled(padded, net.plan.latentScale);
      const z = applyTransfer(latentTile(net, latent, at), at, transfer);
      return cropTensor(decodeTaking(net.params, net.config, z), within(core, padded));
    });
    const values = (await part.data()) as Float32Array;
    part.dispose();
    const inside = clip(core, size);
    if (inside) {
      const { height, width } = inside;
      const cropped = cropPlanar(values, inChannel, core.height, core.width, inside);
      pastePlanar(out, inChannel, size.height, size.width, { ...core, height, width }, cropped);
    }
    onPixels(area(core));
  }
  return out;
}

/** y = M z + b, each pixel by the map of its region; pixels of no region stay as they are. Frees z: [1, N, h, w] at `at` */
function applyTransfer(z: Tensor, at: Rect, { maps, regions }: Transfer): Tensor {
  const out = regions ? applyInParts(z, cropLabels(regions.map, at), regions.labels, maps) : applyMap(z, maps[0]);
  z.dispose();
  return out;
}

/** Regions take four more tensors as large as what they are found in: of large latents some rows at a time. */
const PARTS = { most: 8, leastValues: 2 ** 15 };

/** `applyRegions`; frees z before the parts are put together. */
function applyInParts(z: Tensor, labels: Uint32Array, chosen: readonly number[], maps: readonly AffineMap[]): Tensor {
  const [, , height, width] = z.shape;
  const count = Math.min(PARTS.most, Math.ceil(z.size / PARTS.leastValues));
  if (count < 2) return applyRegions(z, labels, chosen, maps);
  const rows = Math.ceil(height / count);
  const parts: Tensor[] = [];
  for (let start = 0; start < height; start += rows) {
    const end = Math.min(height, start + rows);
    const inside = labels.subarray(start * width, end * width);
    parts.push(scope(() => applyRegions(slice(z, { axis: 2, start, end }), inside, chosen, maps)));
  }
  z.dispose();
  const out = concat(parts, 2);
  for (const part of parts) if (part !== out) part.dispose();
  return out;
}

/** A rectangle in coordinates of one that holds it. */
function within(inner: Rect, outer: Rect): Rect {
  return { ...inner, top: inner.top - outer.top, left: inner.left - outer.left };
}
