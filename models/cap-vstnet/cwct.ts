/**
 * cWCT between latents on the device: statistics, the affine maps on the host in float64, their application, and the
 * gradient of all that. Both directions wait for the host once, so they are functions of their own beside the tape: a
 * training step sweeps back to dy, calls `cwctGradient`, and goes on from there.
 */
import { alias, type Device, type DType, ShapeError, scope, type Tensor, tensor } from '../../engine/index.ts';
import { add, concat, matmul, mean, reshape, type Statistics, slice, sub, sum, where } from '../../kernels/index.ts';
import { affineMapGradient } from './cwct-gradient-host.ts';
import { type AffineMap, affineMap, JITTER_EPS } from './cwct-host.ts';
import { type LabelMap, planRegions, type RegionPlan } from './regions.ts';
import type { Labels } from './segment.ts';
import { statisticsOf } from './statistics.ts';

/** A style latent [B, N, h, w] and its share; the shares should sum to 1 and are not normalised. */
export interface StyleLatent {
  readonly latent: Tensor;
  readonly weight: number;
}

export interface CwctOptions {
  /** share of the content's own statistics: 0 is the style alone, 1 gives the content back */
  readonly alphaContent?: number;
  /** the first jitter; 2e-5 */
  readonly eps?: number;
}

export interface Cwct {
  /** [B, N, h, w] */
  readonly out: Tensor;
  readonly map: AffineMap;
  readonly content: Statistics;
  readonly styles: readonly Statistics[];
}

/**
 * Gives the content latent the mean and covariance of a mixture of styles.
 *
 * @param content  [B, N, h, w]
 * @param styles   at least one, each [B, N, h', w']
 * @throws ShapeError when batch or channels differ, or a latent has a single pixel
 * @throws StatisticsError when the latents are not finite or their covariance does not factorise
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 3.3
 */
export async function cwct(
  content: Tensor,
  styles: readonly StyleLatent[],
  { alphaContent = 0, eps = JITTER_EPS }: CwctOptions = {},
): Promise<Cwct> {
  for (const { latent } of styles) checkLatents(content, latent);
  const own = await statisticsOf(content);
  const others: Statistics[] = [];
  for (const { latent } of styles) others.push(await statisticsOf(latent));
  const weighted = others.map((statistics, k) => ({ statistics, weight: styles[k].weight }));
  const map = affineMap(own, weighted, content.shape[1], { alphaContent, eps });
  return { out: applyMap(content, map), map, content: own, styles: others };
}

/** y = M x + b for every pixel of x [B, N, h, w], in the storage type of x. */
export function applyMap(x: Tensor, { matrix, offset }: Pick<AffineMap, 'matrix' | 'offset'>): Tensor {
  const [items, n] = x.shape;
  return scope(() => {
    const m = upload(x.device, matrix, [items, n, n], x.dtype);
    const columns = reshape(x, [items, n, -1]);
    if (items === 1) {
      const bias = upload(x.device, offset, [n], x.dtype);
      return reshape(matmul(m, columns, { bias, biasAxis: 'row' }), x.shape);
    }
    return reshape(add(matmul(m, columns), upload(x.device, offset, [items, n, 1], x.dtype)), x.shape);
  });
}

/** What `cwctMasked` did to one item of the batch. */
export interface MaskedItem {
  readonly plan: RegionPlan;
  /** one map for each of `plan.labels` */
  readonly maps: readonly AffineMap[];
}

/**
 * cWCT between regions with the same label. Pixels of labels that are not matched keep their features.
 *
 * @param content, style            [B, N, h, w] and [B, N, h', w']
 * @param contentMasks, styleMasks  one label map an item, of any size
 * @throws ShapeError when batch, channels or the number of masks differ
 */
export async function cwctMasked(
  content: Tensor,
  style: Tensor,
  contentMasks: readonly LabelMap[],
  styleMasks: readonly LabelMap[],
): Promise<{ out: Tensor; items: MaskedItem[] }> {
  checkLatents(content, style);
  const [batch, n] = content.shape;
  if (contentMasks.length !== batch || styleMasks.length !== batch) {
    throw new ShapeError(
      `cwctMasked: expected ${batch} label maps for the content and as many for the style, one an item, got ` +
        `${contentMasks.length} and ${styleMasks.length}. Repeat a map that several items share.`,
    );
  }
  const items: MaskedItem[] = [];
  const outs: Tensor[] = [];
  for (let item = 0; item < batch; item++) {
    const plan = planRegions(contentMasks[item], styleMasks[item], sizeOfLatent(content), sizeOfLatent(style));
    const [c, s] = scope(() => [itemOf(content, item), itemOf(style, item)]);
    const maps: AffineMap[] = [];
    for (const label of plan.labels) {
      const own = await statisticsOf(c, { labels: plan.content.labels, label });
      const statistics = await statisticsOf(s, { labels: plan.style.labels, label });
      maps.push(affineMap(own, [{ statistics, weight: 1 }], n));
    }
    outs.push(applyRegions(c, plan.content.labels, plan.labels, maps));
    items.push({ plan, maps });
    s.dispose();
    c.dispose();
  }
  if (batch === 1) return { out: outs[0], items };
  const out = scope(() => concat(outs, 0));
  for (const part of outs) part.dispose();
  return { out, items };
}

/**
 * Each pixel by the map of its own label; pixels of other labels stay as they are.
 *
 * @param x       [1, N, h, w]
 * @param labels  [h·w]
 * @param chosen  the labels that have a map, and their maps in the same order
 */
export function applyRegions(x: Tensor, labels: Labels, chosen: readonly number[], maps: readonly AffineMap[]): Tensor {
  const [, , height, width] = x.shape;
  return scope(() => {
    let out = alias(x);
    chosen.forEach((label, r) => {
      const before = out;
      out = scope(() => {
        const mask = tensor(
          x.device,
          Float32Array.from(labels, (l) => (l === label ? 1 : 0)),
          [1, 1, height, width],
        );
        return where(mask, applyMap(x, maps[r]), before);
      });
      before.dispose();
    });
    return out;
  });
}

/**
 * Gradient of `cwct` in its latents.
 *
 *     Z̄ = Mᵀ ȳ + 2 Σ̄c Z / (n - 1)      x̄ = Z̄ - row mean of Z̄ + μ̄c / n      s̄ = 2 Σ̄s Zs / (m - 1) + μ̄s / m
 *
 * The sums over pixels run on the device, the N×N part in float64 on the host.
 *
 * @param content, styles  what `cwct` was given
 * @param done             what it returned
 * @param dy               [B, N, h, w]
 * @param alphaContent     as given to `cwct`
 */
export async function cwctGradient(
  content: Tensor,
  styles: readonly StyleLatent[],
  done: Pick<Cwct, 'map' | 'content' | 'styles'>,
  dy: Tensor,
  alphaContent = 0,
): Promise<{ content: Tensor; styles: Tensor[] }> {
  const [items, n] = content.shape;
  const sums = scope(() => {
    const columns = reshape(dy, [items, n, -1]);
    return [matmul(columns, centred(content, done.content), { transposeB: true }), sum(columns, { axes: [2] })];
  });
  const [dMatrix, dMean] = await Promise.all(sums.map(async (t) => Float64Array.from(await t.data())));
  for (const t of sums) t.dispose();
  const weights = styles.map(({ weight }) => weight);
  const gradient = affineMapGradient(done.map, n, dMatrix, dMean, weights, alphaContent);
  return scope(() => {
    const m = upload(content.device, done.map.matrix, [items, n, n]);
    const through = matmul(m, reshape(dy, [items, n, -1]), { transposeA: true });
    const direct = sub(through, mean(through, { axes: [2], keepdims: true }));
    const own = statisticsGradient(content, done.content, gradient.contentCovariance, gradient.contentMean);
    return {
      content: add(own, reshape(direct, content.shape)),
      styles: styles.map(({ latent }, k) => {
        const { covariance, mean: dMu } = gradient.styles[k];
        return statisticsGradient(latent, done.styles[k], covariance, dMu);
      }),
    };
  });
}

/** What reaches the pixels of x [B, N, h, w] through its covariance and its mean. */
function statisticsGradient(x: Tensor, of: Statistics, dCovariance: Float64Array, dMean: Float64Array): Tensor {
  const [items, n, height, width] = x.shape;
  const pixels = height * width;
  const scaled = dCovariance.map((value) => (2 * value) / (pixels - 1));
  const spread = dMean.map((value) => value / pixels);
  const product = matmul(upload(x.device, scaled, [items, n, n]), centred(x, of));
  return reshape(add(product, upload(x.device, spread, [items, n, 1])), x.shape);
}

/** x - μ, [B, N, pixels]. */
function centred(x: Tensor, { mean: mu }: Statistics): Tensor {
  const [items, n] = x.shape;
  return sub(reshape(x, [items, n, -1]), upload(x.device, mu, [items, n, 1]));
}

function upload(device: Device, values: Float64Array, shape: readonly number[], dtype?: DType): Tensor {
  return tensor(device, Float32Array.from(values), shape, dtype);
}

/** One item of a batch, as a handle of its own even where it is all of x. */
const itemOf = (x: Tensor, item: number) => alias(slice(x, { axis: 0, start: item, end: item + 1 }));
const sizeOfLatent = ({ shape: [, , height, width] }: Tensor) => ({ height, width });

function checkLatents(content: Tensor, style: Tensor): void {
  const [items, n, ...size] = content.shape;
  const [otherItems, m, ...otherSize] = style.shape;
  const pixels = [size, otherSize].map(([height, width]) => height * width);
  if (size.length !== 2 || otherSize.length !== 2 || items !== otherItems || n !== m || Math.min(...pixels) < 2) {
    throw new ShapeError(
      'cwct: expected latents [B, N, h, w] of one B and N with at least two pixels.\n' +
        `  content = [${content.shape}]\n  style   = [${style.shape}]\n` +
        'Encode both pictures with the same network, and pair each content with a style.',
    );
  }
}
