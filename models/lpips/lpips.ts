/**
 * LPIPS: how different two pictures look, by the features of a network trained to recognise objects.
 *
 *     d = Σ_l mean_hw Σ_c w_lc (F̂_lc(a) − F̂_lc(b))²        F̂ = F / (‖F‖ over channels + 1e-10)
 *
 * @see Zhang, Isola, Efros, Shechtman, Wang 2018, arXiv:1801.03924, eq. 1; version 0.1 of the published weights
 */
import { ShapeError, scope, type Tensor, tensor } from '../../engine/index.ts';
import {
  add,
  affine,
  conv2d,
  div,
  maxPool2d,
  mean,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
} from '../../kernels/index.ts';
import type { IndexedConvs } from '../vgg/layers.ts';

export type LpipsNetwork = 'alex' | 'vgg';

export interface Lpips {
  readonly network: LpipsNetwork;
  readonly features: IndexedConvs;
  /** the weight of each channel at each tap, [1, C, 1, 1], none negative */
  readonly lins: readonly Tensor[];
}

interface Layer {
  /** in torchvision's Sequential */
  readonly index: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding: number;
  readonly channels: number;
  /** side of the max-pool of stride 2 before it */
  readonly pool?: number;
  /** its ReLU is compared */
  readonly tap?: boolean;
}

const vggBlock = (first: number, channels: number, count: number): Layer[] =>
  Array.from({ length: count }, (_, i) => ({
    index: first + 2 * i,
    kernel: 3,
    padding: 1,
    channels,
    ...(i === 0 && first > 0 ? { pool: 2 } : {}),
    ...(i === count - 1 ? { tap: true } : {}),
  }));

const LAYERS: Readonly<Record<LpipsNetwork, readonly Layer[]>> = {
  alex: [
    { index: 0, kernel: 11, stride: 4, padding: 2, channels: 64, tap: true },
    { index: 3, kernel: 5, padding: 2, channels: 192, pool: 3, tap: true },
    { index: 6, kernel: 3, padding: 1, channels: 384, pool: 3, tap: true },
    { index: 8, kernel: 3, padding: 1, channels: 256, tap: true },
    { index: 10, kernel: 3, padding: 1, channels: 256, tap: true },
  ],
  vgg: [
    ...vggBlock(0, 64, 2),
    ...vggBlock(5, 128, 2),
    ...vggBlock(10, 256, 3),
    ...vggBlock(17, 512, 3),
    ...vggBlock(24, 512, 3),
  ],
};

export interface LpipsSpec {
  readonly key: string;
  readonly shape: readonly number[];
}

/** `features.<i>.weight`, `features.<i>.bias` and `lin<k>.model.1.weight` with their shapes. */
export function lpipsSpecs(network: LpipsNetwork): { features: LpipsSpec[]; lins: LpipsSpec[] } {
  let input = 3;
  const features = LAYERS[network].flatMap(({ index, kernel, channels }) => {
    const shape = [channels, input, kernel, kernel];
    input = channels;
    return [
      { key: `features.${index}.weight`, shape },
      { key: `features.${index}.bias`, shape: [channels] },
    ];
  });
  const taps = LAYERS[network].filter(({ tap }) => tap);
  const lins = taps.map(({ channels }, k) => ({ key: `lin${k}.model.1.weight`, shape: [1, channels, 1, 1] }));
  return { features, lins };
}

/** Of the published code: (x − shift) / scale for RGB in [−1, 1]. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];

export interface LpipsDistance {
  /** [N] */
  readonly distance: Tensor;
  /** its terms, [N] each */
  readonly layers: readonly Tensor[];
}

/**
 * The distance of each pair; 0 for equal pictures.
 *
 * @param a, b  [N, 3, H, W], RGB in [−1, 1], sides of at least 31 (alex) or 16 (vgg)
 * @throws ShapeError when the shapes differ or the pictures are too small
 */
export function lpips(model: Lpips, a: Tensor, b: Tensor): LpipsDistance {
  const least = model.network === 'alex' ? 31 : 16;
  if (a.shape.length !== 4 || a.shape.some((n, axis) => n !== b.shape[axis]) || Math.min(...a.shape.slice(2)) < least) {
    throw new ShapeError(
      `lpips: expected two batches [N, 3, H, W] of one shape with sides of at least ${least} for ${model.network}, got ` +
        `[${a.shape}] and [${b.shape}]. Resize one of them, or use larger pictures.`,
    );
  }
  return scope(() => {
    const [p, q] = [normalisedTaps(model, a), normalisedTaps(model, b)];
    const layers = model.lins.map((weights, k) =>
      scope(() => {
        const weighted = mul(square(sub(p[k], q[k])), weights);
        return mean(sum(weighted, { axes: [1] }), { axes: [1, 2] });
      }),
    );
    return { distance: layers.reduce((total, layer) => add(total, layer)), layers };
  });
}

/** The features of each tap, each position of length 1 over the channels. */
function normalisedTaps({ network, features }: Lpips, x: Tensor): Tensor[] {
  return scope(() => {
    const row = (values: readonly number[]) => tensor(x.device, values, [3, 1, 1], x.dtype);
    let h = div(sub(x, row(SHIFT)), row(SCALE));
    const taps: Tensor[] = [];
    for (const { index, stride = 1, padding, pool, tap } of LAYERS[network]) {
      const pooled = pool ? maxPool2d(h, { kernel: pool, stride: 2 }) : h;
      h = conv2d(pooled, features[index], { stride, padding, activation: 'relu' });
      if (tap) taps.push(unitLength(h));
    }
    return taps;
  });
}

function unitLength(x: Tensor): Tensor {
  return scope(() => {
    const [n, , ...plane] = x.shape;
    const norm = affine(sqrt(sum(square(x), { axes: [1] })), { shift: 1e-10 });
    return div(x, reshape(norm, [n, 1, ...plane]));
  });
}
