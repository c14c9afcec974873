/** Pictures for label maps: GauGAN as a painter that keeps its weights and is asked again and again. */
import {
  empty,
  type Forecast,
  leaves,
  randomNormals,
  scope,
  type Tensor,
  type Tree,
  tensor,
  treeOf,
} from '../../engine/index.ts';
import { cast } from '../../kernels/index.ts';
import { type EncoderWeights, encodeImage, encoderWeights } from '../../models/gaugan/encoder.ts';
import { type GeneratorWeights, generate, generatorWeights } from '../../models/gaugan/generator.ts';
import { type Pix2pixHdWeights, pix2pixHd, pix2pixHdWeights } from '../../models/gaugan/pix2pixhd.ts';
import { denseMap, type SemanticMap } from '../../models/gaugan/semantic-map.ts';
import { isBuffer, type Mode } from '../../models/layers/state.ts';
import type { Size } from '../data/datasets/preprocess.ts';
import { fromPlanar, type Picture } from '../data/image/picture.ts';
import { signedPlanes } from '../recipes/gaugan-inputs.ts';
import type { LoadedGaugan } from './load-gaugan.ts';

/** Mean and logarithm of the variance of a picture's latent. */
export interface Latent {
  readonly mu: Float32Array;
  readonly logvar: Float32Array;
}

/** A label map at the painter's size, in classes of the network. */
export interface PaintedMap {
  /** [height, width] */
  readonly labels: Uint8Array;
  /** [height, width], 1 where instances meet; where the network reads them. Left out: nowhere */
  readonly edges?: Uint8Array | undefined;
}

export interface GauganPainter {
  /** of what it reads and paints */
  readonly size: Size;
  /** numbers of a latent; 0 where the network has none */
  readonly zDim: number;
  /** what painting takes, beside the weights */
  forecast(): Forecast;
  /** Compiles what painting needs. */
  prepare(): Promise<void>;
  /**
   * Reads the manner of a picture.
   *
   * @param rgb  [height, width, 3] at the painter's size
   */
  encode(rgb: Uint8Array): Promise<Latent>;
  /**
   * @param z  [zDim], where the network has a latent
   * @throws NonFiniteError when the result is no picture
   */
  paint(map: PaintedMap, z?: Float32Array, options?: { readonly truncate?: boolean | undefined }): Promise<Picture>;
  /** Frees the weights. */
  dispose(): void;
}

const EVALUATION = { training: false };

export interface PainterOptions {
  /** normalises with the statistics of the picture at hand where the training kept running ones, which small batches make bad */
  readonly batchStatistics?: boolean | undefined;
  /** storage type of weights and activations; f32. Sums, statistics, latents and pictures are f32 in both */
  readonly precision?: 'f32' | 'f16' | undefined;
}

/**
 * Makes a painter of loaded networks, and takes their states over: spectral norms are computed once, and what they are
 * computed of is freed.
 */
export function gauganPainter(
  { device, state, networks, rule, size }: Pick<LoadedGaugan, 'device' | 'state' | 'networks' | 'rule' | 'size'>,
  { batchStatistics = false, precision = 'f32' }: PainterOptions = {},
): GauganPainter {
  const { generator, encoder } = networks;
  const mode: Mode = { ...EVALUATION, dtype: precision };
  const stored = (weights: unknown) =>
    treeOf(leaves(weights as Tree).map(([key, leaf]) => [key, isBuffer(key) ? leaf : cast(leaf, precision)] as const));
  const taken = scope(() => {
    const G =
      generator.net === 'pix2pixhd'
        ? stored(pix2pixHdWeights(state.G, generator, EVALUATION))
        : stored(generatorWeights(state.G, generator, EVALUATION));
    const E = encoder && state.E && stored(encoderWeights(state.E, encoder, EVALUATION));
    return { G, E };
  });
  const G = batchStatistics ? withoutRunning(taken.G) : taken.G;
  const kept = new Set([...leaves(taken.G), ...(taken.E ? leaves(taken.E) : [])].map(([, leaf]) => leaf));
  const states = [state.G, state.E].flatMap((tree) => (tree ? leaves(tree) : []));
  for (const [, leaf] of states) if (!kept.has(leaf)) leaf.dispose();

  const { width, height } = size;
  const zDim = generator.net === 'spade' && generator.useVae ? generator.zDim : 0;
  const classes = rule.labelNc + (rule.dontCare === undefined ? 0 : 1);
  const run = (map: SemanticMap, z: Tensor | undefined): Tensor => {
    if (generator.net === 'pix2pixhd') {
      return pix2pixHd(G as unknown as Pix2pixHdWeights, generator, denseMap(map, precision), mode);
    }
    return generate(G as unknown as GeneratorWeights, generator, map, mode, { z, size: [height, width] });
  };
  const onShapes = () => {
    const labels = empty(device, { shape: [1, height, width], dtype: 'u32' });
    const edges = rule.instance ? empty(device, { shape: [1, 1, height, width], dtype: 'f32' }) : undefined;
    run({ labels, classes, edges }, zDim > 0 ? empty(device, { shape: [1, zDim], dtype: 'f32' }) : undefined);
  };

  return {
    size,
    zDim,
    forecast: () => device.forecast(onShapes),
    prepare: async () => {
      await device.prepare(onShapes);
    },
    async encode(rgb) {
      if (!encoder || !taken.E) throw new Error('internal error: this network has no encoder');
      const E = taken.E as unknown as EncoderWeights;
      const { mu, logvar } = scope(() => {
        const image = tensor(device, signedPlanes(rgb, width * height), [1, 3, height, width]);
        return encodeImage(E, encoder, image, mode);
      });
      const latent = { mu: (await mu.data()) as Float32Array, logvar: (await logvar.data()) as Float32Array };
      mu.dispose();
      logvar.dispose();
      return latent;
    },
    async paint({ labels, edges }, z, { truncate } = {}) {
      const painted = scope(() => {
        const map: SemanticMap = {
          labels: tensor(device, labels, [1, height, width], 'u32'),
          classes,
          edges: rule.instance
            ? tensor(device, edges ?? new Uint8Array(height * width), [1, 1, height, width])
            : undefined,
        };
        return run(map, z && tensor(device, z, [1, zDim]));
      });
      const planes = (await painted.data()) as Float32Array;
      painted.dispose();
      return fromPlanar(
        planes.map((x) => (x + 1) / 2),
        width,
        height,
        { truncate },
      );
    },
    dispose() {
      for (const leaf of kept) leaf.dispose();
    },
  };
}

/** Without running statistics a batch norm takes those of the batch. */
function withoutRunning(weights: Tree): Tree {
  return treeOf(leaves(weights).filter(([key]) => !/(^|\.)running_(mean|var)$/.test(key)));
}

/** Stream of the noise of latents, apart from those of data and training. */
const NOISE_OP = 1 << 21;

/**
 * A latent: z = mu + exp(logvar / 2) · noise of a picture's, or noise alone where there is no picture.
 *
 * @param draw  which noise; left out: z = mu
 * @returns     [zDim]; the same draw has the same noise for every picture
 */
export function latentOf(
  zDim: number,
  latent: Latent | undefined,
  draw: { readonly seed: number; readonly sample: number } | undefined,
): Float32Array {
  const noise = draw ? randomNormals({ seed: draw.seed, step: draw.sample, op: NOISE_OP }, zDim) : undefined;
  if (!latent) return Float32Array.from(noise ?? new Float64Array(zDim));
  return latent.mu.map((mean, i) => mean + (noise ? Math.exp(latent.logvar[i] / 2) * noise[i] : 0));
}
