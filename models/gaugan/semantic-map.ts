/** What the networks are conditioned on: classes of pixels, and the edges between instances. */
import { type DType, invariant, ShapeError, scope, type Tensor } from '../../engine/index.ts';
import {
  averagePool2d,
  type ConvWeights,
  cast,
  concat,
  conv2d,
  labelConv2d,
  oneHot,
  pooledOneHot,
  resize,
  resizeLabels,
  split,
} from '../../kernels/index.ts';

/**
 * A semantic map, either as the original has it, one channel a class and last the edges, or as labels, which the first
 * convolution of each layer reads without ever spreading them out: the same numbers, at a fraction of the arithmetic.
 */
export type SemanticMap =
  | { readonly dense: Tensor }
  | {
      /** u32 [N, H, W], below `classes` */
      readonly labels: Tensor;
      readonly classes: number;
      /** [N, 1, H, W], 1 on both sides of an edge between instances */
      readonly edges?: Tensor | undefined;
    };

/** [N, H, W] of the map. */
export function mapSize(map: SemanticMap): readonly [number, number, number] {
  if ('dense' in map) return [map.dense.shape[0], map.dense.shape[2], map.dense.shape[3]];
  return [map.labels.shape[0], map.labels.shape[1], map.labels.shape[2]];
}

/** The map's tensors, in the order in which `mapOf` takes them. */
export const mapTensors = (map: SemanticMap): Tensor[] =>
  'dense' in map ? [map.dense] : [map.labels, ...(map.edges ? [map.edges] : [])];

/** A map like another, of other handles of its tensors. */
export function mapOf(like: SemanticMap, [first, edges]: readonly Tensor[]): SemanticMap {
  return 'dense' in like ? { dense: first } : { labels: first, classes: like.classes, edges };
}

/** The map whose floats are of one storage type, as networks need it; labels stay u32. */
export function storedMap(map: SemanticMap, dtype: DType): SemanticMap {
  if ('dense' in map) return { dense: cast(map.dense, dtype) };
  return { ...map, edges: map.edges && cast(map.edges, dtype) };
}

/** The map as the original's tensor [N, C, H, W]. */
export function denseMap(map: SemanticMap, dtype: DType = 'f32'): Tensor {
  if ('dense' in map) return cast(map.dense, dtype);
  return scope(() => {
    const classes = oneHot(map.labels, map.classes, 1, dtype);
    return map.edges ? concat([classes, cast(map.edges, dtype)], 1) : classes;
  });
}

/** The map at another size, by nearest neighbours: source = ⌊i · in / out⌋. */
export function resizeMap(map: SemanticMap, [height, width]: readonly [number, number]): SemanticMap {
  const [, h, w] = mapSize(map);
  if (h === height && w === width) return map;
  const size = [height, width] as const;
  if ('dense' in map) return { dense: resize(map.dense, { size, mode: 'nearest' }) };
  return {
    labels: resizeLabels(map.labels, size),
    classes: map.classes,
    edges: map.edges && resize(map.edges, { size, mode: 'nearest' }),
  };
}

export interface MapConvOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly activation?: 'none' | 'relu';
  /** storage type of the result, and of the map's floats; f32 by default */
  readonly dtype?: DType | undefined;
}

/**
 * Convolution of a map.
 *
 * @param weights  weight [O, C, k, k], C the map's channels: classes, then the edge
 * @returns        [N, O, oH, oW]
 * @throws ShapeError when the weight has other channels than the map
 */
export function mapConv(map: SemanticMap, weights: ConvWeights, options: MapConvOptions = {}): Tensor {
  const { activation = 'none', dtype = 'f32', ...window } = options;
  if ('dense' in map) return conv2d(map.dense, weights, { ...window, activation });
  const { labels, classes, edges } = map;
  const channels = classes + (edges ? 1 : 0);
  if (weights.weight.shape[1] !== channels) {
    throw new ShapeError(
      `mapConv: expected a weight [O, ${channels}, k, k] for ${classes} classes${edges ? ' and an edge' : ''}, got ` +
        `[${weights.weight.shape}]. Check label_nc, the don't-care label, and whether there are instances.`,
    );
  }
  if (!edges) return labelConv2d(labels, weights, { ...window, activation, dtype });
  return scope(() => {
    const [ofClasses, ofEdges] = split(weights.weight, [classes, 1], 1);
    const residual = conv2d(edges, { weight: ofEdges }, window);
    return labelConv2d(labels, { weight: ofClasses, bias: weights.bias }, { ...window, activation, residual, dtype });
  });
}

/** The map at every size that a network's layers read it at, resized once. */
export function mapPyramid(map: SemanticMap, sizes: readonly (readonly [number, number])[]): MapPyramid {
  const made = new Map(sizes.map((size) => [size.join(), resizeMap(map, size)]));
  return (height, width) => {
    const found = made.get(`${height},${width}`);
    invariant(found, `no map of ${height}×${width} was prepared`);
    return found;
  };
}

export type MapPyramid = (height: number, width: number) => SemanticMap;

/**
 * One level of the discriminator's pyramid: averages of 3×3 pixels, every second one.
 *
 * @param countPadding  whether zeros beyond the borders count, as in Jittor's port
 * @param dtype         storage type of the result, and of the map's floats
 */
export function pooledMap(map: SemanticMap, countPadding: boolean, dtype: DType = 'f32'): SemanticMap {
  if ('dense' in map) return { dense: pooled(map.dense, countPadding) };
  return scope(() => {
    const classes = pooledOneHot(map.labels, map.classes, { countIncludePad: countPadding, dtype });
    return { dense: map.edges ? concat([classes, pooled(map.edges, countPadding)], 1) : classes };
  });
}

export const pooled = (x: Tensor, countPadding: boolean): Tensor =>
  averagePool2d(x, { kernel: 3, stride: 2, padding: 1, countPadding });
