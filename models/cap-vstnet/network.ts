import { alias, filled, ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { addTo, cast, concat, conv2d, padAxis, roundTo, slice, squeeze, unsqueeze } from '../../kernels/index.ts';
import { type BlockSpec, type CapVstnetConfig, type CapVstnetPlan, planOf } from './config.ts';

export type ConvParams = {
  readonly weight: Tensor;
  readonly bias: Tensor;
};

/** Parameters of F; the indices are the original's. */
export type BlockParams = {
  readonly conv: { readonly 1: ConvParams; readonly 4: ConvParams; readonly 7: ConvParams };
};

/** The parameter tree; its dotted keys are those of the official checkpoints. */
export type CapVstnetParams = {
  readonly stack: readonly BlockParams[];
  readonly channel_reduction: { readonly block_list: readonly BlockParams[] };
};

/** The two halves of a reversible state, each [N, C, H, W]. */
export type Halves = readonly [Tensor, Tensor];

/**
 * base ± F(x2), F three 3×3 convolutions with reflected borders and ReLU between them; the sum is part of the last one
 * where all of it has one storage type. With a grid, F(x2) is rounded to it first.
 *
 * @param x2    [N, I, H, W]
 * @param base  [N, C, H/stride, W/stride]; the result has its dtype
 * @param gradSign  the sign that gradients take for F; that of F by default
 */
export function plusResidual(
  { conv }: BlockParams,
  { stride, inner, grid = 0 }: BlockSpec,
  x2: Tensor,
  base: Tensor,
  sign: 1 | -1,
  gradSign = sign,
): Tensor {
  return scope(() => {
    const window = { padding: 1, paddingMode: 'reflect' } as const;
    const b = scope(() => {
      const a = scope(() => conv2d(cast(x2, inner ?? x2.dtype), conv[1], { ...window, stride, activation: 'relu' }));
      return conv2d(a, conv[4], { ...window, activation: 'relu' });
    });
    const last = { ...window, scale: sign, gradScale: gradSign, grid };
    if (b.dtype === base.dtype) return conv2d(b, conv[7], { ...last, residual: base });
    return addTo(base, conv2d(b, conv[7], last));
  });
}

/** What `move` makes of x, which is freed. */
function taking<R>(x: Tensor, move: (x: Tensor) => R): R {
  const out = move(x);
  x.dispose();
  return out;
}

/** (x1, x2) → (sq(x2), sq(x1) + F(x2)), where sq squeezes in a stride-2 block and is the identity elsewhere. */
export function blockForward(params: BlockParams, spec: BlockSpec, [x1, x2]: Halves): Halves {
  return scope(() => forwardTaking(params, spec, [alias(x1), alias(x2)]));
}

/** As `blockForward`; the halves that it is given are freed as early as can be, or handed on. */
function forwardTaking(params: BlockParams, spec: BlockSpec, [x1, x2]: Halves): Halves {
  const fold = (x: Tensor) => (spec.stride === 1 ? x : taking(x, squeeze));
  const sum = taking(fold(x1), (base) => plusResidual(params, spec, x2, base, 1));
  return [fold(x2), sum];
}

/** (o0, o1) → (x1, x2): x2 = unsq(o0), x1 = unsq(o1 − F(x2)). */
export function blockInverse(params: BlockParams, spec: BlockSpec, [o0, o1]: Halves): Halves {
  return scope(() => inverseTaking(params, spec, [alias(o0), alias(o1)]));
}

/** As `blockInverse`; the halves that it is given are freed as early as can be, or handed on. */
function inverseTaking(params: BlockParams, spec: BlockSpec, [o0, o1]: Halves): Halves {
  const unfold = (x: Tensor) => (spec.stride === 1 ? x : taking(x, unsqueeze));
  const x2 = unfold(o0);
  const difference = taking(o1, (base) => plusResidual(params, spec, x2, base, -1));
  return [unfold(difference), x2];
}

/** Runs the steps one after the other; each takes the halves that the one before it left. */
const chain = (state: Halves, steps: readonly ((halves: Halves) => Halves)[]): Halves =>
  steps.reduce((halves, step) => step(halves), state);

/**
 * Splits off the refinement: two blocks at half width w, then `spSteps` unsqueezes of the merged tensor.
 *
 * @param halves  each [N, C, h, w]
 * @returns       z: [N, 2·hiddenDim, h·2^spSteps, w·2^spSteps]
 */
export function refine(params: readonly BlockParams[], plan: RefinementPlan, [a, b]: Halves): Tensor {
  return scope(() => refineTaking(params, plan, [alias(a), alias(b)]));
}

function refineTaking(params: readonly BlockParams[], plan: RefinementPlan, halves: Halves): Tensor {
  const { refinementPad: pad } = plan;
  const grow = (x: Tensor) => (pad > 0 ? taking(x, () => padAxis(x, 1, 0, pad)) : x);
  const steps = plan.refinement.map((spec, i) => (h: Halves) => forwardTaking(params[i], spec, h));
  const [a, b] = chain([grow(halves[0]), grow(halves[1])], steps);
  let z = concat([a, b], 1);
  a.dispose();
  b.dispose();
  for (let i = 0; i < plan.spSteps; i++) z = taking(z, unsqueeze);
  return z;
}

/** The inverse of `refine`, with the pad channels still there. Frees z. */
function unrefineTaking(params: readonly BlockParams[], plan: RefinementPlan, z: Tensor): Halves {
  let merged = z;
  for (let i = 0; i < plan.spSteps; i++) merged = taking(merged, squeeze);
  const steps = plan.refinement.map((spec, i) => (h: Halves) => inverseTaking(params[i], spec, h)).reverse();
  return chain(taking(merged, halve), steps);
}

/** Drops the refinement's pad channels of each half. */
export function dropPad({ refinementPad: pad }: RefinementPlan, [a, b]: Halves): Halves {
  if (pad === 0) return [a, b];
  const end = a.shape[1] - pad;
  return [slice(a, { axis: 1, end }), slice(b, { axis: 1, end })];
}

/** The inverse of `refine`; drops the pad channels. */
export function unrefine(params: readonly BlockParams[], plan: RefinementPlan, z: Tensor): Halves {
  return scope(() => dropPad(plan, unrefineTaking(params, plan, alias(z))));
}

export type RefinementPlan = Pick<CapVstnetPlan, 'refinement' | 'refinementPad'> & { readonly spSteps: number };

/** The two halves of the channels. */
export function halve(x: Tensor): Halves {
  const half = x.shape[1] / 2;
  return [slice(x, { axis: 1, end: half }), slice(x, { axis: 1, start: half })];
}

/**
 * The encoder: a picture to its latent, bijectively.
 *
 * @param x  [N, 3, H, W], values in [0, 1]
 * @returns  z: [N, 2·hiddenDim, H/s, W/s], s the plan's latentScale (1 for photo, 2 for art)
 * @throws ShapeError when a side is no multiple of the network's stride, or too small to reflect
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 3.1
 */
export function encode(params: CapVstnetParams, config: CapVstnetConfig, x: Tensor): Tensor {
  return scope(() => {
    const plan = planOf(config);
    checkPicture(plan, config, x);
    // [N, 3 + pad] in two halves: the picture and zeros, then zeros alone
    const half = config.nChannels[0];
    const x1 = padAxis(roundTo(x, plan.grid), 1, 0, half - config.inChannel);
    const x2 = filled(x1, x1, 0);
    const steps = plan.blocks.map((spec, i) => (h: Halves) => forwardTaking(params.stack[i], spec, h));
    const halves = chain([x1, x2], steps);
    return refineTaking(params.channel_reduction.block_list, { ...plan, spSteps: config.spSteps }, halves);
  });
}

/** The decoder: `encode` backwards. z: [N, 2·hiddenDim, H/s, W/s] → [N, 3, H, W]; the 29 pad channels are dropped. */
export function decode(params: CapVstnetParams, config: CapVstnetConfig, z: Tensor): Tensor {
  return scope(() => decodeTaking(params, config, alias(z)));
}

/** As `decode`, and frees z as soon as it was read: a latent takes as much memory as a state of the network. */
export function decodeTaking(params: CapVstnetParams, config: CapVstnetConfig, z: Tensor): Tensor {
  return scope(() => slice(statesTaking(params, config, z).last[0], { axis: 1, end: config.inChannel }));
}

/** What the decoder passes through: enough to rebuild everything else from. */
export interface DecoderStates {
  /** behind the inverse refinement, pad channels included; empty where there are none */
  readonly refined: readonly Tensor[];
  /** behind the last block, pad channels included; the first half begins with the picture */
  readonly last: Halves;
}

/** The decoder without the final drop of channels. @throws ShapeError when z has the channels of another mode */
export function decodeStates(params: CapVstnetParams, config: CapVstnetConfig, z: Tensor): DecoderStates {
  return scope(() => statesTaking(params, config, alias(z)));
}

function statesTaking(params: CapVstnetParams, config: CapVstnetConfig, z: Tensor): DecoderStates {
  const plan = { ...planOf(config), spSteps: config.spSteps };
  if (z.shape.length !== 4 || z.shape[1] !== plan.latentChannels) {
    throw new ShapeError(
      `decode: expected a latent [N, ${plan.latentChannels}, h, w], got [${z.shape}]. ` +
        'Photo and art latents differ: check the mode.',
    );
  }
  const entering = plan.grid === 0 ? z : taking(z, () => roundTo(z, plan.grid));
  const refined = unrefineTaking(params.channel_reduction.block_list, plan, entering);
  const steps = plan.blocks.map((spec, i) => (h: Halves) => inverseTaking(params.stack[i], spec, h)).reverse();
  // without pad channels the first of the steps takes these very halves
  return { refined: plan.refinementPad > 0 ? refined : [], last: chain(dropPad(plan, refined), steps) };
}

function checkPicture(plan: CapVstnetPlan, { inChannel }: CapVstnetConfig, { shape }: Tensor): void {
  const [, channels, height, width] = shape;
  const { multiple, smallest } = plan;
  const fits = [height, width].every((side) => side % multiple === 0 && side >= smallest);
  if (shape.length !== 4 || channels !== inChannel || !fits) {
    throw new ShapeError(
      `encode: expected a picture [N, ${inChannel}, H, W] with sides that are multiples of ${multiple} and at least ` +
        `${smallest}, got [${shape}]. Pad it with reflected borders and crop the result.`,
    );
  }
}
