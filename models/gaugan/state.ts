/** Every entry of the networks' state dicts, in the order of the SPADE release, and their values before training. */
import {
  type Device,
  randomNormals,
  scope,
  sizeOf,
  type Tensor,
  type Tree,
  tensor,
  treeOf,
} from '../../engine/index.ts';
import { affine, randomNormal, randomUniform } from '../../kernels/index.ts';
import {
  type DiscriminatorConfig,
  discriminatorLayers,
  ENCODER_SIZE,
  ENCODER_WIDTHS,
  type EncoderConfig,
  type GeneratorConfig,
  generatorPlan,
  type LayerNorm,
  type Pix2pixHdConfig,
  type SpadeNorm,
} from './config.ts';
import { pix2pixHdLayers } from './pix2pixhd.ts';

/** One entry of a state dict. */
export interface StateSpec {
  readonly key: string;
  readonly shape: readonly number[];
  /** what it is, which decides how it begins */
  readonly role: 'weight' | 'spectral' | 'bias' | 'scale' | 'vector' | 'zeros' | 'ones';
  /** connections into and out of one unit, of weights */
  readonly fanIn?: number;
  readonly fanOut?: number;
}

/** Running statistics of a batch norm of c channels. */
function runningSpecs(name: string, c: number): StateSpec[] {
  return [
    { key: `${name}.running_mean`, shape: [c], role: 'zeros' },
    { key: `${name}.running_var`, shape: [c], role: 'ones' },
    { key: `${name}.num_batches_tracked`, shape: [], role: 'zeros' },
  ];
}

interface ConvSpec {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly bias?: boolean;
  readonly spectral?: boolean;
  readonly transposed?: boolean;
}

/** A convolution; PyTorch registers the bias of a spectrally normalised one before its weight. */
function convSpecs(name: string, { input, output, kernel, bias = true, spectral, transposed }: ConvSpec): StateSpec[] {
  const shape = transposed ? [input, output, kernel, kernel] : [output, input, kernel, kernel];
  const area = kernel * kernel;
  // PyTorch counts a weight's second axis as its inputs, transposed or not
  const fans = { fanIn: shape[1] * area, fanOut: shape[0] * area };
  const biasSpec: StateSpec[] = bias ? [{ key: `${name}.bias`, shape: [output], role: 'bias', ...fans }] : [];
  if (!spectral) return [{ key: `${name}.weight`, shape, role: 'weight', ...fans }, ...biasSpec];
  return [
    ...biasSpec,
    { key: `${name}.weight_orig`, shape, role: 'spectral', ...fans },
    { key: `${name}.weight_u`, shape: [output], role: 'vector' },
    { key: `${name}.weight_v`, shape: [input * area], role: 'vector' },
  ];
}

function linearSpecs(name: string, input: number, output: number): StateSpec[] {
  const fans = { fanIn: input, fanOut: output };
  return [
    { key: `${name}.weight`, shape: [output, input], role: 'weight', ...fans },
    { key: `${name}.bias`, shape: [output], role: 'bias', ...fans },
  ];
}

/** One SPADE layer over c channels. */
export function spadeSpecs(
  name: string,
  c: number,
  { norm, semanticNc, hidden }: { norm: SpadeNorm; semanticNc: number; hidden: number },
): StateSpec[] {
  const { kernel } = norm;
  return [
    ...(norm.kind === 'batch' ? runningSpecs(`${name}.param_free_norm`, c) : []),
    ...convSpecs(`${name}.mlp_shared.0`, { input: semanticNc, output: hidden, kernel }),
    ...convSpecs(`${name}.mlp_gamma`, { input: hidden, output: c, kernel }),
    ...convSpecs(`${name}.mlp_beta`, { input: hidden, output: c, kernel }),
  ];
}

/** The SPADE generator's state. */
export function generatorSpecs(config: GeneratorConfig): StateSpec[] {
  const { useVae, zDim, semanticNc, norm } = config;
  const plan = generatorPlan(config);
  const { spectral } = norm;
  return [
    ...(useVae
      ? linearSpecs('fc', zDim, plan.first * plan.gridHeight * plan.gridWidth)
      : convSpecs('fc', { input: semanticNc, output: plan.first, kernel: 3 })),
    ...plan.blocks.flatMap(({ name, input, output }) => {
      const middle = Math.min(input, output);
      const learned = input !== output;
      return [
        ...convSpecs(`${name}.conv_0`, { input, output: middle, kernel: 3, spectral }),
        ...convSpecs(`${name}.conv_1`, { input: middle, output, kernel: 3, spectral }),
        ...(learned ? convSpecs(`${name}.conv_s`, { input, output, kernel: 1, bias: false, spectral }) : []),
        ...spadeSpecs(`${name}.norm_0`, input, config),
        ...spadeSpecs(`${name}.norm_1`, middle, config),
        ...(learned ? spadeSpecs(`${name}.norm_s`, input, config) : []),
      ];
    }),
    ...convSpecs('conv_img', { input: plan.last, output: 3, kernel: 3 }),
  ];
}

/**
 * A convolution in the release's norm wrapper: behind a norm it loses its bias, and stands at index 0 of a pair. Instance
 * norms have no state.
 */
function wrappedSpecs(name: string, conv: ConvSpec, norm: LayerNorm): StateSpec[] {
  const { spectral } = norm;
  if (norm.kind === 'none') return convSpecs(name, { ...conv, spectral });
  const own = convSpecs(`${name}.0`, { ...conv, bias: false, spectral });
  if (norm.kind === 'instance') return own;
  const c = conv.output;
  return [
    ...own,
    { key: `${name}.1.weight`, shape: [c], role: 'scale' },
    { key: `${name}.1.bias`, shape: [c], role: 'zeros' },
    ...runningSpecs(`${name}.1`, c),
  ];
}

/** The image encoder's state. */
export function encoderSpecs({ ngf, norm, zDim }: EncoderConfig): StateSpec[] {
  let input = 3;
  const layers = ENCODER_WIDTHS.flatMap((factor, i) => {
    const specs = wrappedSpecs(`layer${i + 1}`, { input, output: factor * ngf, kernel: 3 }, norm);
    input = factor * ngf;
    return specs;
  });
  const side = ENCODER_SIZE / 2 ** ENCODER_WIDTHS.length;
  return [
    ...layers,
    ...linearSpecs('fc_mu', input * side * side, zDim),
    ...linearSpecs('fc_var', input * side * side, zDim),
  ];
}

/** The multi-scale discriminator's state. */
export function discriminatorSpecs(config: DiscriminatorConfig): StateSpec[] {
  return Array.from({ length: config.numD }, (_, scale) =>
    discriminatorLayers(config).flatMap(({ name, input, output, normalised }) => {
      const key = `discriminator_${scale}.${name}.0`;
      const conv = { input, output, kernel: 4 };
      return normalised ? wrappedSpecs(key, conv, config.norm) : convSpecs(key, conv);
    }),
  ).flat();
}

/** The state of pix2pixHD's generator. */
export function pix2pixHdSpecs(config: Pix2pixHdConfig): StateSpec[] {
  const { inputNc, outputNc, kernel, initialKernel, norm } = config;
  const { first, down, blocks, up, last } = pix2pixHdLayers(config);
  const at = (index: number) => `model.${index}`;
  return [
    ...wrappedSpecs(at(first.index), { input: inputNc, output: first.output, kernel: initialKernel }, norm),
    ...down.flatMap(({ index, input, output }) => wrappedSpecs(at(index), { input, output, kernel: 3 }, norm)),
    ...blocks.flatMap(({ index, width }) =>
      [1, 4].flatMap((inner) =>
        wrappedSpecs(`${at(index)}.conv_block.${inner}`, { input: width, output: width, kernel }, norm),
      ),
    ),
    ...up.flatMap(({ index, input, output }) =>
      wrappedSpecs(at(index), { input, output, kernel: 3, transposed: true }, norm),
    ),
    ...convSpecs(at(last.index), { input: last.input, output: outputNc, kernel: 7 }),
  ];
}

/** How weights begin. */
export interface Initialisation {
  /** Xavier's normal distribution in the release; `none` is PyTorch's own beginning */
  readonly type: 'xavier' | 'xavier_uniform' | 'normal' | 'kaiming' | 'none';
  /** the release's init_variance, which it uses as a gain; 0.02 */
  readonly gain: number;
  /**
   * Whether layers under spectral norm begin in the same way. On GPUs, where all published networks were trained, the
   * release's initialiser misses them, and they keep PyTorch's beginning.
   */
  readonly spectral: boolean;
}

export const INITIALISATION: Initialisation = { type: 'xavier', gain: 0.02, spectral: false };

/**
 * An entry before training, drawn on the device: the same seed gives the same numbers everywhere, but for the rounding of
 * normal ones.
 *
 * @param op  tells the entries of one seed apart
 */
export function initialTensor(
  device: Device,
  spec: StateSpec,
  init: Initialisation,
  { seed, op }: { readonly seed: number; readonly op: number },
): Tensor {
  const { shape, role, fanIn = 1, fanOut = 1 } = spec;
  const key = { seed, step: 0, op };
  const constant = (value: number) => tensor(device, new Float32Array(sizeOf(shape)).fill(value), shape);
  const normal = (scale: number, shift = 0) => scope(() => affine(randomNormal(device, shape, key), { scale, shift }));
  const uniform = (bound: number) =>
    scope(() => affine(randomUniform(device, shape, key), { scale: 2 * bound, shift: -bound }));
  switch (role) {
    case 'ones':
      return constant(1);
    case 'zeros':
      return constant(0);
    case 'bias':
      return init.type === 'none' ? uniform(1 / Math.sqrt(fanIn)) : constant(0);
    case 'scale':
      return init.type === 'none' ? constant(1) : normal(init.gain, 1);
    case 'vector':
      return tensor(device, unitVector(randomNormals(key, sizeOf(shape))), shape);
  }
  if (init.type === 'none' || (role === 'spectral' && !init.spectral)) return uniform(1 / Math.sqrt(fanIn));
  switch (init.type) {
    case 'xavier':
      return normal(init.gain * Math.sqrt(2 / (fanIn + fanOut)));
    case 'xavier_uniform':
      return uniform(Math.sqrt(6 / (fanIn + fanOut)));
    case 'normal':
      return normal(init.gain);
    case 'kaiming':
      return normal(Math.sqrt(2 / fanIn));
  }
}

function unitVector(w: Float64Array): Float64Array {
  const length = Math.sqrt(w.reduce((sum, x) => sum + x * x, 0));
  return w.map((x) => x / Math.max(length, 1e-12));
}

/** A state before training. `stream` tells the networks of one seed apart. */
export function initialState(
  device: Device,
  specs: readonly StateSpec[],
  { seed, stream, init = INITIALISATION }: { seed: number; stream: number; init?: Initialisation },
): Tree {
  return treeOf(
    specs.map((spec, i): [string, Tensor] => [
      spec.key,
      initialTensor(device, spec, init, { seed, op: stream * 4096 + i }),
    ]),
  );
}

/** Trained numbers of a state; buffers do not count. */
export function countParameters(specs: readonly StateSpec[]): number {
  const trained = specs.filter(({ role, key }) => role !== 'vector' && !/running_|num_batches/.test(key));
  return trained.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
