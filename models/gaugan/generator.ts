import { type DType, ShapeError, scope, type Tensor, type Tree } from '../../engine/index.ts';
import {
  type ConvWeights,
  cast,
  conv2d,
  type LinearWeights,
  linear,
  reshape,
  resize,
  tanh,
} from '../../kernels/index.ts';
import { spectralWeights } from '../layers/spectral-weights.ts';
import type { Mode } from '../layers/state.ts';
import { type GeneratorConfig, type GeneratorPlan, generatorPlan } from './config.ts';
import { denseMap, mapConv, mapPyramid, mapSize, type SemanticMap, storedMap } from './semantic-map.ts';
import { activated, doubled, recomputedBlock, type SpadeBlockParams, spadeBlock } from './spade.ts';

/** A generator's weights of one pass, spectral norms taken. */
export type GeneratorWeights = {
  readonly fc: ConvWeights | LinearWeights;
  readonly conv_img: ConvWeights;
} & { readonly [block: string]: SpadeBlockParams };

/**
 * Takes the spectral norms of a generator's state; in training that moves their stored vectors.
 *
 * @param state  parameters and buffers under the names of the SPADE release
 */
export function generatorWeights(state: Tree, { flavour }: GeneratorConfig, mode: Mode): GeneratorWeights {
  return spectralWeights(state, { ...mode, normalise: flavour === 'pytorch' }) as unknown as GeneratorWeights;
}

/**
 * The SPADE generator: a grid, from a latent or from the map itself, grows to a picture through residual blocks that
 * read the map at every size.
 *
 * @param map  semantic map of any size; resized to each layer's
 * @param z    [N, zDim]; in networks with a VAE alone
 * @param size  height and width of the picture, multiples of the grid's doublings; those of the configuration by default.
 *             A network without a VAE takes any; with one, its first layer fixes the size
 * @returns    [N, 3, H, W] in [−1, 1], f32
 * @throws ShapeError when z is missing, not wanted, or of another size
 * @see Park et al. 2019, arXiv:1903.07291, section 3 and appendix A
 */
export function generate(
  weights: GeneratorWeights,
  config: GeneratorConfig,
  map: SemanticMap,
  mode: Mode,
  { z, size }: { readonly z?: Tensor | undefined; readonly size?: readonly [number, number] | undefined } = {},
): Tensor {
  const plan = gridOf(config, size);
  checkLatent(config, map, z);
  const { flavour, norm } = config;
  const { dtype = 'f32' } = mode;
  const setting = { ...mode, flavour, norm };
  return scope(() => {
    const seen = storedMap(map, dtype);
    const maps = mapPyramid(seen, sizesOf(plan));
    let x = firstLayer(weights, config, plan, { map: seen, z, dtype });
    for (const { name, up } of plan.blocks) {
      const next = mode.recompute
        ? recomputedBlock(weights[name], setting, x, maps(...grown(x, up)), up)
        : scope(() => spadeBlock(weights[name], setting, up ? doubled(x) : x, maps));
      x.dispose();
      x = next;
    }
    return tanh(cast(conv2d(activated(x), weights.conv_img, { padding: 1 }), 'f32'));
  });
}

const grown = ({ shape: [, , h, w] }: Tensor, up: boolean): [number, number] => (up ? [2 * h, 2 * w] : [h, w]);

function firstLayer(
  { fc }: GeneratorWeights,
  { useVae, flavour }: GeneratorConfig,
  { gridHeight, gridWidth, first }: GeneratorPlan,
  { map, z, dtype }: { readonly map: SemanticMap; readonly z: Tensor | undefined; readonly dtype: DType },
): Tensor {
  return scope(() => {
    if (useVae && z) {
      const grid = linear(cast(z, fc.weight.dtype), fc);
      return cast(reshape(grid, [z.shape[0], first, gridHeight, gridWidth]), dtype);
    }
    const size = [gridHeight, gridWidth] as const;
    if (flavour === 'jittor') {
      return conv2d(resize(denseMap(map, dtype), { size, mode: 'bilinear' }), fc, { padding: 1 });
    }
    return mapConv(mapPyramid(map, [size])(gridHeight, gridWidth), fc, { padding: 1, dtype });
  });
}

/** The plan, with the grid that a picture of this size needs. */
function gridOf(config: GeneratorConfig, size: readonly [number, number] | undefined): GeneratorPlan {
  const plan = generatorPlan(config);
  if (!size || (size[0] === plan.height && size[1] === plan.width)) return plan;
  const [height, width] = size;
  const factor = plan.height / plan.gridHeight;
  const [gridHeight, gridWidth] = [height / factor, width / factor];
  const whole = [gridHeight, gridWidth].every((side) => Number.isInteger(side) && side > 0);
  if (config.useVae || !whole) {
    throw new ShapeError(
      config.useVae
        ? `generate: expected a picture of ${plan.height}×${plan.width}, got ${height}×${width}. The latent of this network ` +
            'gives one size alone: enlarge the label map to it, and reduce the picture.'
        : `generate: expected sides that are multiples of ${factor}, got ${height}×${width}. Resize the label map.`,
    );
  }
  return { ...plan, gridHeight, gridWidth, height, width };
}

/** Every size at which a block reads the map. */
function sizesOf({ gridHeight, gridWidth, blocks }: GeneratorPlan): [number, number][] {
  let factor = 1;
  return blocks.map(({ up }) => {
    if (up) factor *= 2;
    return [gridHeight * factor, gridWidth * factor];
  });
}

function checkLatent({ useVae, zDim }: GeneratorConfig, map: SemanticMap, z: Tensor | undefined): void {
  const [batch] = mapSize(map);
  const want = useVae ? `${batch},${zDim}` : undefined;
  if (z?.shape.join() === want) return;
  throw new ShapeError(
    `generate: expected ${want ? `z [${want}]` : 'no z, for this network has no VAE'}, got ${z ? `z [${z.shape}]` : 'none'}. ` +
      'Check use_vae, z_dim and the batch.',
  );
}
