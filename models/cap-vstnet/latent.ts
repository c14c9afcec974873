import { type Device, type DType, scope, type Tensor, tensor } from '../../engine/index.ts';
import { type Statistics, slice } from '../../kernels/index.ts';
import type { CapVstnetConfig, CapVstnetPlan } from './config.ts';
import type { CapVstnetParams } from './network.ts';
import type { LabelMap } from './regions.ts';
import { statisticsOf } from './statistics.ts';
import { clip, cropPlanar, type Rect, type Size } from './tiles.ts';

/** A network with its weights on a device. */
export interface CapVstnet {
  readonly device: Device;
  readonly config: CapVstnetConfig;
  readonly plan: CapVstnetPlan;
  readonly params: CapVstnetParams;
}

/** The storage type of the weights, and so of pictures and latents on the device. */
export const storageOf = ({ params }: CapVstnet): DType => params.stack[0].conv[1].weight.dtype;

/** A picture in planes: [3, H, W], values in [0, 1]. */
export interface PlanarPicture extends Size {
  readonly planar: Float32Array;
}

/** The latent of a picture, [C, h, w]: a tensor on the device, or planes on the host where the picture is in tiles. */
export interface Latent extends Size {
  readonly channels: number;
  readonly values: Tensor | Float32Array;
}

/** What is measured of a latent: the pixels of each of these labels. */
export interface Regions {
  /** at the latent's size, that of the picture before padding */
  readonly map: LabelMap;
  readonly labels: readonly number[];
}

/** A rectangle of x [1, C, H, W]; x itself when it is all of it. */
export function cropTensor(x: Tensor, { top, left, height, width }: Rect): Tensor {
  const [, , h, w] = x.shape;
  const rows = height === h ? x : slice(x, { axis: 2, start: top, end: top + height });
  return width === w ? rows : slice(rows, { axis: 3, start: left, end: left + width });
}

/** A rectangle of a latent as a tensor [1, C, h, w]. */
export function latentTile(net: CapVstnet, { values, channels, height, width }: Latent, rect: Rect): Tensor {
  if (!(values instanceof Float32Array)) return cropTensor(values, rect);
  const part = cropPlanar(values, channels, height, width, rect);
  return tensor(net.device, part, [1, channels, rect.height, rect.width], storageOf(net));
}

/** Labels of a rectangle, row by row; beyond the map those of its last row and column go on. */
export function cropLabels({ labels, width, height }: LabelMap, rect: Rect): Uint32Array {
  const out = new Uint32Array(rect.height * rect.width);
  for (let y = 0, at = 0; y < rect.height; y++) {
    const row = Math.min(rect.top + y, height - 1) * width;
    for (let x = 0; x < rect.width; x++, at++) out[at] = labels[row + Math.min(rect.left + x, width - 1)];
  }
  return out;
}

/**
 * Statistics of a tile's latent over the pixels that the picture really has; what it was padded with is left out.
 *
 * @param core     [1, C, h, w], at `at` in the latent
 * @param size     of the picture's latent before padding
 * @param regions  left out: all pixels are one region
 * @returns        one entry a region; undefined where the tile has no pixel of it
 */
export async function tileStatistics(
  core: Tensor,
  at: Rect,
  size: Size,
  regions: Regions | undefined,
): Promise<(Statistics | undefined)[]> {
  const inside = clip(at, size);
  if (!inside) return (regions?.labels ?? [0]).map(() => undefined);
  const x = scope(() => cropTensor(core, inside));
  try {
    if (!regions) return [await statisticsOf(x)];
    const labels = cropLabels(regions.map, { ...inside, top: at.top, left: at.left });
    const found: (Statistics | undefined)[] = [];
    for (const label of regions.labels) {
      found.push(labels.includes(label) ? await statisticsOf(x, { labels, label }) : undefined);
    }
    return found;
  } finally {
    if (x !== core) x.dispose();
  }
}
