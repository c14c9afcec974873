import { type Device, type DType, scope, sizeOf, type Tensor, tensor } from '../../engine/index.ts';
import { affine, cast, randomUniform } from '../../kernels/index.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { type RawTensor, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import type { VggParameterSpec } from '../../models/vgg/layers.ts';
import { normalisedVggSpecs } from '../../models/vgg/normalised.ts';
import { PERCEPTUAL_TAPS, vggTapSpecs } from '../../models/vgg/taps.ts';
import { torchvisionVggSpecs } from '../../models/vgg/torchvision.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readTensors } from '../checkpoint/safetensors-file.ts';
import type { PerceptualVgg } from '../losses/perceptual.ts';

export interface LoadedVgg {
  readonly vgg: Vgg19;
  /** which encoder it is, for the user: losses of different encoders are not comparable */
  readonly description: string;
}

/**
 * The frozen encoder that losses look through: AdaIN's normalised VGG-19 or torchvision's, told apart by their keys;
 * without a file one with random weights.
 *
 * @param seed  of random weights
 * @throws CheckpointError when the file is damaged, unsafe or neither of the two
 */
export async function loadVgg(
  device: Device,
  path: string | undefined,
  seed = 0,
  dtype: DType = 'f32',
): Promise<LoadedVgg> {
  if (path === undefined)
    return { vgg: randomVgg(device, seed, dtype), description: `VGG-19 with random weights of seed ${seed}` };
  const file = await openCheckpoint(path);
  try {
    const torchvision = file.tensors.has('features.0.weight');
    const specs = torchvision ? torchvisionVggSpecs() : normalisedVggSpecs();
    const name = torchvision ? "torchvision's VGG-19" : "AdaIN's normalised VGG-19";
    const required = new Map(specs.map(({ key, shape }) => [key, shape]));
    assertMatch(`${path} for ${name}`, matchKeys(file.tensors, required));
    const tensors = await readTensors(file.tensors, (key) => required.has(key));
    const params = tree(specs, ({ key, shape }) =>
      tensor(device, toFloat32Array(tensors.get(key) as RawTensor), shape, dtype),
    );
    return {
      vgg: { layout: torchvision ? 'torchvision' : 'normalised', params } as unknown as Vgg19,
      description: `${name} from ${path}`,
    };
  } finally {
    await file.close();
  }
}

export interface LoadedPerceptualVgg {
  readonly vgg: PerceptualVgg;
  /** where the weights are from, for the user: losses of different encoders are not comparable */
  readonly description: string;
}

export interface PerceptualVggOptions {
  /** of random weights */
  readonly seed?: number;
  readonly dtype?: DType;
  /** widths of the five scales, of random weights; those of the published network by default */
  readonly channels?: readonly number[] | undefined;
}

/**
 * torchvision's VGG-19 up to relu5_1, for `vggPerceptualLoss`; without a file one with random weights.
 *
 * @param path  vgg19-dcbb9e9d.pth or a .safetensors file of it
 * @throws CheckpointError when the file is damaged, unsafe or of another network
 */
export async function loadPerceptualVgg(
  device: Device,
  path: string | undefined,
  { seed = 0, dtype = 'f32', channels }: PerceptualVggOptions = {},
): Promise<LoadedPerceptualVgg> {
  const specs = vggTapSpecs(PERCEPTUAL_TAPS);
  if (path === undefined) {
    const params = tree(vggTapSpecs(PERCEPTUAL_TAPS, channels), (spec, index) =>
      randomConvolution(device, spec, { seed, op: index }, dtype),
    );
    return {
      vgg: params as unknown as PerceptualVgg,
      description: `VGG-19${channels ? ` of widths ${channels}` : ''} with random weights of seed ${seed}`,
    };
  }
  const file = await openCheckpoint(path);
  try {
    const required = new Map(specs.map(({ key, shape }) => [key, shape]));
    assertMatch(`${path} for torchvision's VGG-19`, matchKeys(file.tensors, required));
    const tensors = await readTensors(file.tensors, (key) => required.has(key));
    const params = tree(specs, ({ key, shape }) =>
      tensor(device, toFloat32Array(tensors.get(key) as RawTensor), shape, dtype),
    );
    return { vgg: params as unknown as PerceptualVgg, description: `torchvision's VGG-19 from ${path}` };
  } finally {
    await file.close();
  }
}

/**
 * Random features keep their scale through the layers: uniform weights of variance 2 / fan-in, biases zero; the first
 * convolution, which only orders colours, is the identity.
 *
 * @see He et al. 2015, arXiv:1502.01852
 */
function randomVgg(device: Device, seed: number, dtype: DType): Vgg19 {
  const params = tree(normalisedVggSpecs(), (spec, index) =>
    spec.key === '0.weight'
      ? tensor(device, [1, 0, 0, 0, 1, 0, 0, 0, 1], spec.shape, dtype)
      : randomConvolution(device, spec, { seed, op: index }, dtype),
  );
  return { layout: 'normalised', params } as unknown as Vgg19;
}

function randomConvolution(
  device: Device,
  { key, shape, fanIn }: VggParameterSpec,
  { seed, op }: { readonly seed: number; readonly op: number },
  dtype: DType,
): Tensor {
  const size = sizeOf(shape);
  if (key.endsWith('.bias')) return tensor(device, new Float32Array(size), shape, dtype);
  const bound = Math.sqrt(6 / fanIn);
  return scope(() => {
    const unit = randomUniform(device, shape, { seed, step: 0, op });
    return cast(affine(unit, { scale: 2 * bound, shift: -bound }), dtype);
  });
}

function tree(specs: readonly VggParameterSpec[], make: (spec: VggParameterSpec, index: number) => Tensor) {
  const root: Record<string, Record<string, unknown>> = {};
  specs.forEach((spec, index) => {
    let node: Record<string, unknown> = root;
    const path = spec.key.split('.');
    const leaf = path.pop() as string;
    for (const name of path) node = (node[name] ??= {}) as Record<string, unknown>;
    node[leaf] = make(spec, index);
  });
  return root;
}
