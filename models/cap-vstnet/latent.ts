import { type Device, scope, type Tensor, tensor } from '../../engine/index.ts';
import { covarianceStatistics, type Statistics, slice } from '../../kernels/index.ts';
import type { CapVstnetConfig, CapVstnetPlan } from './config.ts';
import { type CapVstnetParams, encode } from './network.ts';
import type { LabelMap } from './regions.ts';
import { cropPlanar, pastePlanar, type Rect, type Size, type Tile } from './tiles.ts';

/** A network with its weights on a device. */
export interface CapVstnet {
  readonly device: Device;
  readonly config: CapVstnetConfig;
  readonly plan: CapVstnetPlan;
  readonly params: CapVstnetParams;
}

/** A picture in planes: [3, H, W], values in [0, 1]. */
export interface PlanarPicture extends Size {
  readonly planar: Float32Array;
}

/** The latent of a picture: one tensor on the device, or planes on the host where the picture was cut into tiles. */
export interface Latent extends Size {
  readonly channels: number;
  readonly whole: Tensor | undefined;
  readonly planes: Float32Array | undefined;
}

/** What is measured of a latent: the whole of it, or the pixels of one label. */
export interface Region {
  /** latent-sized; its size is that of the picture before padding */
  readonly map: LabelMap;
  readonly label: number;
}

/**
 * Encodes a padded picture tile by tile and hands each tile's part of the latent to `use`.
 *
 * @param use  called with the core's latent [1, C, h, w] and where it lies, in latent pixels; returns whether it keeps
 *             the tensor
 */
export async function encodeTiles(
  net: CapVstnet,
  picture: PlanarPicture,
  tiles: readonly Tile[],
  use: (core: Tensor, at: Rect) => Promise<boolean>,
): Promise<void> {
  const { latentScale } = net.plan;
  for (const { core, padded } of tiles) {
    const at = scaled(core, latentScale);
    const z = scope(() => {
      const { inChannel } = net.config;
      const values = cropPlanar(picture.planar, inChannel, picture.height, picture.width, padded);
      const x = tensor(net.device, values, [1, inChannel, padded.height, padded.width]);
      const offset = { top: core.top - padded.top, left: core.left - padded.left };
      return cropTensor(encode(net.params, net.config, x), scaled({ ...core, ...offset }, latentScale));
    });
    await net.device.flush();
    let kept = false;
    try {
      kept = await use(z, at);
    } finally {
      if (!kept) z.dispose();
    }
  }
}

/** The part of `rect` that lies inside a picture of `size`, in coordinates of `rect`; undefined when there is none. */
export function clip(rect: Rect, size: Size): Rect | undefined {
  const height = Math.min(rect.height, size.height - rect.top);
  const width = Math.min(rect.width, size.width - rect.left);
  return height > 0 && width > 0 ? { top: 0, left: 0, height, width } : undefined;
}

/** A rectangle of x [1, C, H, W]; x itself when it is all of it. */
export function cropTensor(x: Tensor, { top, left, height, width }: Rect): Tensor {
  const [, , h, w] = x.shape;
  const rows = height === h ? x : slice(x, { axis: 2, start: top, end: top + height });
  return width === w ? rows : slice(rows, { axis: 3, start: left, end: left + width });
}

/**
 * Statistics of a tile's latent over the pixels that the picture really has (padding is left out), for the whole or
 * for each region.
 *
 * @returns  one entry a region, or one for the whole; undefined where the tile has no such pixel
 */
export async function tileStatistics(
  device: Device,
  core: Tensor,
  at: Rect,
  size: Size,
  regions: readonly Region[] | undefined,
): Promise<(Statistics | undefined)[]> {
  const inside = clip(at, size);
  if (!inside) return (regions ?? [undefined]).map(() => undefined);
  const x = scope(() => cropTensor(core, inside));
  try {
    if (!regions) return [await covarianceStatistics(x)];
    const found: (Statistics | undefined)[] = [];
    for (const { map, label } of regions) {
      const labels = cropLabels(map, { ...at, height: inside.height, width: inside.width });
      if (!labels.includes(label)) {
        found.push(undefined);
        continue;
      }
      const mask = tensor(device, labels, [1, labels.length], 'u32');
      found.push(await covarianceStatistics(x, { labels: mask, label }));
      mask.dispose();
    }
    return found;
  } finally {
    if (x !== core) x.dispose();
  }
}

export function cropLabels({ labels, width }: LabelMap, rect: Rect): Uint32Array {
  const out = new Uint32Array(rect.height * rect.width);
  for (let y = 0; y < rect.height; y++) {
    const from = (rect.top + y) * width + rect.left;
    for (let x = 0; x < rect.width; x++) out[y * rect.width + x] = labels[from + x];
  }
  return out;
}

/** A rectangle of a latent as a tensor [1, C, h, w], from the device or the host. */
export function latentTile(device: Device, latent: Latent, rect: Rect): Tensor {
  if (latent.whole) return cropTensor(latent.whole, rect);
  const values = cropPlanar(latent.planes as Float32Array, latent.channels, latent.height, latent.width, rect);
  return tensor(device, values, [1, latent.channels, rect.height, rect.width]);
}

/** Stores a tile's latent in the planes on the host. */
export async function storeTile(latent: Latent, core: Tensor, at: Rect): Promise<void> {
  const values = (await core.data()) as Float32Array;
  pastePlanar(latent.planes as Float32Array, latent.channels, latent.height, latent.width, at, values);
}

export function scaled(rect: Rect, scale: number): Rect {
  return { top: rect.top / scale, left: rect.left / scale, height: rect.height / scale, width: rect.width / scale };
}
