import * as d from 'typegpu/data';
import {
  type Device,
  defineKernel,
  empty,
  optional,
  read,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';

const { u32 } = d;
const Params = d
  .struct({ items: u32, channels: u32, pixels: u32, chunks: u32, chunkLength: u32, tiles: u32, label: u32 })
  .$name('Params');

const WG = 64;
/** channels of a tile, as in products.wgsl */
const TILE = 8;
const flags = { MASKED: [0, 1], WG: [WG] };
const pixelFlags = { ALIGNED: [0, 1], ...flags };
const pixelsLib = [new URL('./pixels.wgsl', import.meta.url)];
const labels = optional(read('u32'), 'MASKED');

const originKernel = defineKernel({
  name: 'covariance.origin',
  wgsl: new URL('./origin.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), labels, origin: write('f32'), count: write('u32') },
  keys: flags,
  grid: (p) => p.items,
  cost: (p, _, { MASKED }) => ({ flops: 0, bytes: 4 * p.items * (2 * p.channels + MASKED * p.pixels) }),
});

const rowSumsKernel = defineKernel({
  name: 'covariance.rowSums',
  wgsl: new URL('./row-sums.wgsl', import.meta.url),
  lib: pixelsLib,
  params: Params,
  bindings: { x: read('T4'), labels, origin: read('f32'), sums: write('f32') },
  keys: pixelFlags,
  grid: (p) => p.items * p.channels * p.chunks,
  cost: (p, bytes) => ({ flops: 2 * p.items * p.channels * p.pixels, bytes: p.items * p.channels * p.pixels * bytes }),
});

const centreKernel = defineKernel({
  name: 'covariance.centre',
  wgsl: new URL('./centre.wgsl', import.meta.url),
  params: Params,
  bindings: { sums: read('f32'), origin: read('f32'), count: read('u32'), mean: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.items * p.channels) / WG),
  cost: (p) => ({ flops: p.items * p.channels * p.chunks, bytes: 4 * p.items * p.channels * (p.chunks + 2) }),
});

const productsKernel = defineKernel({
  name: 'covariance.products',
  wgsl: new URL('./products.wgsl', import.meta.url),
  lib: pixelsLib,
  params: Params,
  bindings: { x: read('T4'), labels, mean: read('f32'), partial: write('f32') },
  keys: pixelFlags,
  grid: (p) => p.items * p.tiles * p.chunks,
  cost: (p, bytes) => ({
    flops: p.items * p.channels * (p.channels + 1) * p.pixels,
    bytes: p.items * p.channels * p.pixels * bytes,
  }),
});

const finishKernel = defineKernel({
  name: 'covariance.finish',
  wgsl: new URL('./finish.wgsl', import.meta.url),
  params: Params,
  bindings: { partial: read('f32'), covariance: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.items * p.channels * p.channels) / WG),
  cost: (p) => ({
    flops: p.items * p.channels * p.channels * p.chunks,
    bytes: 4 * p.items * p.channels * p.channels * (p.chunks + 1),
  }),
});

/** Extents of one run of these kernels. */
export interface Extents {
  readonly items: number;
  readonly channels: number;
  readonly pixels: number;
  readonly chunks: number;
  readonly chunkLength: number;
  readonly tiles: number;
}

const MAX_CHUNKS = 64;
/** vectors of four that one thread of a workgroup adds up: at most 128, so that no sum has more terms in a row */
const MIN_TERMS = 4;
const MAX_TERMS = 128;

/** How the pixels are cut into chunks, whose sums are finished elsewhere. */
export function extentsOf(items: number, channels: number, pixels: number): Extents {
  const terms = Math.ceil(pixels / (4 * WG * MAX_CHUNKS));
  const chunkLength = 4 * WG * Math.min(Math.max(terms, MIN_TERMS), MAX_TERMS);
  const blocks = Math.ceil(channels / TILE);
  return {
    items,
    channels,
    pixels,
    chunks: Math.ceil(pixels / chunkLength),
    chunkLength,
    tiles: (blocks * (blocks + 1)) / 2,
  };
}

/** What the GPU leaves for the finish; see the kernels for the layouts. */
export interface Partials {
  /** [items · channels, chunks]: Σ (x - origin) */
  readonly sums: Tensor;
  /** [items · channels]: the channels' values at one pixel */
  readonly origin: Tensor;
  /** [items · channels]: what products are centred by, the mean rounded to f32 */
  readonly mean: Tensor;
  /** [items], u32: pixels that counted */
  readonly count: Tensor;
  /** [items, chunks, channels (channels + 1) / 2]: Σ (x_i - mean_i)(x_j - mean_j), j ≤ i, packed by rows */
  readonly partial: Tensor;
}

/** Which pixels count, and where the mean goes if not into a tensor of its own. */
interface Selection {
  labels?: Tensor | undefined;
  label?: number;
  /** [items, channels] */
  mean?: Tensor;
}

/** Records the sums over x [items, channels, pixels], of the pixels with one label where `labels` is given. */
export function launchPartials(
  x: Tensor,
  extents: Extents,
  { labels, label = 0, mean = empty(x.device, { shape: [extents.items * extents.channels], dtype: 'f32' }) }: Selection,
): Partials {
  const { items, channels, pixels, chunks } = extents;
  const { device } = x;
  const rows = items * channels;
  const f32 = (...shape: number[]) => scratch(device, shape);
  const origin = f32(rows);
  const count = empty(device, { shape: [items], dtype: 'u32' });
  const sums = f32(rows, chunks);
  const partial = f32(items, chunks, (channels * (channels + 1)) / 2);
  const params = { ...extents, label };
  const key = { MASKED: labels ? 1 : 0, WG };
  const pixelKey = { ALIGNED: pixels % 4 === 0 ? 1 : 0, ...key };
  originKernel.launch({ x, labels, origin, count }, params, key);
  rowSumsKernel.launch({ x, labels, origin, sums }, params, pixelKey);
  centreKernel.launch({ sums, origin, count, mean }, params, { WG });
  productsKernel.launch({ x, labels, mean, partial }, params, pixelKey);
  return { sums, origin, mean, count, partial };
}

/** Records covariance [items, channels, channels] = Σ_chunks partial / (pixels - 1). */
export function launchFinish({ partial }: Partials, covariance: Tensor, extents: Extents): void {
  finishKernel.launch({ partial, covariance }, { ...extents, label: 0 }, { WG });
}

/** N, C and the number of pixels of a picture batch. @throws ShapeError for other ranks than 3 and 4 */
export function batchExtents(name: string, shape: Shape): [number, number, number] {
  if (shape.length !== 3 && shape.length !== 4) {
    throw new ShapeError(
      `${name}: expected x to be [N, C, HW] or [N, C, H, W], got [${shape}]. Reshape it: all axes after C are pixels.`,
    );
  }
  return [shape[0], shape[1], sizeOf(shape.slice(2))];
}

const scratch = (device: Device, shape: readonly number[]) => empty(device, { shape, dtype: 'f32' });
