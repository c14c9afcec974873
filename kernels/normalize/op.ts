import { defineOp, type Op, type Sample, type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import { cast, full, leakyReluGrad } from '../pointwise/ops.ts';
import { sumTo } from '../reduce/sum.ts';
import { affineGrad, normalizedProduct, normalizeGrad } from './gradient-ops.ts';
import { launchNormalize } from './launch.ts';
import type { Affine, Layout } from './layout.ts';
import { momentsRef, normalizeRef } from './reference.ts';

export interface NormAttrs {
  /** added to the variance */
  eps: number;
  /** factor of negative results: 1 for no activation, 0 for relu */
  slope: number;
  /** number of trailing axes that are normalised together, for layer norm */
  normalized: number;
}

type Plain = Op<'x', readonly ['y', 'stats'], NormAttrs>;
type General = Op<'x' | 'weight' | 'bias', readonly ['y', 'stats'], NormAttrs>;

export interface NormDefinition {
  name: string;
  /** throws ShapeError where x does not fit */
  layout: (shape: Shape, attrs: NormAttrs) => Layout;
  /** where weights vary, if there are any */
  affine: Affine;
  /** shape of weight and bias */
  weightShape: (shape: Shape, attrs: NormAttrs) => Shape;
  samples: readonly Sample<'x', NormAttrs>[];
  affineSamples: readonly Sample<'x' | 'weight' | 'bias', NormAttrs>[];
}

const DEFAULTS: NormAttrs = { eps: 1e-5, slope: 1, normalized: 1 };
const statsSpec = ({ groups }: Layout) => ({ shape: [groups, 4], dtype: 'f32' }) as const;
const groupLength = (layout: Layout) => layout.outer * layout.length;

/**
 * A normalisation as two ops. The plain one keeps its result for backward, which is x̂; the one with weights or an
 * activation must keep x.
 */
export function defineNorm(definition: NormDefinition): { plain: Plain; general: General } {
  const { name, layout, affine, weightShape } = definition;
  const none = { affine: 'none', channels: 1 } as const;

  const plain: Plain = defineOp({
    name,
    inputs: ['x'],
    outputs: ['y', 'stats'],
    defaults: DEFAULTS,
    shape: ({ x }, attrs) => ({ y: { shape: x.shape, dtype: x.dtype }, stats: statsSpec(layout(x.shape, attrs)) }),
    forward: ({ x }, { y, stats }, attrs) => launchNormalize(x, y, stats, layout(x.shape, attrs), none, attrs.eps),
    saves: ['y', 'stats'],
    backward: ({ dy, y, stats }, attrs) => ({
      dx: normalizeGrad({ dy, v: y, stats }, { layout: layout(y.shape, attrs), isNormalised: true }).dx,
    }),
    reference: ({ x }, attrs) => {
      const seen = layout(x.shape, attrs);
      const bare = { affine: 'none', weight: undefined, bias: undefined } as const;
      return { y: normalizeRef(x, momentsRef(x, seen), seen, bare, attrs.eps) };
    },
    reduction: ({ x }, attrs) => groupLength(layout(x.shape, attrs)),
    samples: definition.samples,
  });

  const general: General = defineOp({
    name: `${name}Affine`,
    inputs: ['x', 'weight', 'bias'],
    optional: ['weight', 'bias'],
    outputs: ['y', 'stats'],
    defaults: DEFAULTS,
    shape: ({ x, weight, bias }, attrs) => {
      checkWeights(name, x.shape, weightShape(x.shape, attrs), weight?.shape, bias?.shape);
      return { y: { shape: x.shape, dtype: x.dtype }, stats: statsSpec(layout(x.shape, attrs)) };
    },
    forward: ({ x, weight, bias }, { y, stats }, attrs) => {
      const affinity = weight ? { affine, channels: weight.size, weight, bias } : none;
      launchNormalize(x, y, stats, layout(x.shape, attrs), affinity, attrs.eps, attrs.slope);
    },
    saves: ['x', 'y', 'weight', 'stats'],
    backward: ({ dy, x, y, weight, stats }, attrs, { needs, inputs }) => {
      const seen = layout(x.shape, attrs);
      const d = attrs.slope === 1 ? dy : leakyReluGrad(dy, y, attrs.slope);
      if (!weight) return { dx: normalizeGrad({ dy: d, v: x, stats }, { layout: seen }).dx };
      const { dx, sums } = normalizeGrad(
        { dy: d, v: x, stats, weight },
        { layout: seen, affine, channels: weight.size },
      );
      if (!needs.weight && !needs.bias) return { dx };
      if (affine === 'group') return { dx, ...affineGrad({ sums, weight }) };
      // dweight = Σ dy · x̂, dbias = Σ dy, over the groups
      const dweight = sumTo(normalizedProduct({ dy: d, x, stats }, { layout: seen }).y, weight.shape);
      return { dx, dweight: cast(dweight, weight.dtype), dbias: cast(sumTo(d, weight.shape), inputs.bias.dtype) };
    },
    reference: ({ x, weight, bias }, attrs) => {
      const seen = layout(x.shape, attrs);
      return { y: normalizeRef(x, momentsRef(x, seen), seen, { affine, weight, bias }, attrs.eps, attrs.slope) };
    },
    reduction: ({ x }, attrs) => {
      const seen = layout(x.shape, attrs);
      return Math.max(groupLength(seen), sizeOf(x.shape) / sizeOf(weightShape(x.shape, attrs)));
    },
    samples: definition.affineSamples,
  });
  return { plain, general };
}

function checkWeights(name: string, x: Shape, want: Shape, weight: Shape | undefined, bias: Shape | undefined): void {
  for (const [what, shape] of [
    ['weight', weight],
    ['bias', bias],
  ] as const) {
    if (shape && shape.join() !== want.join()) {
      throw new ShapeError(
        `${name}: expected ${what} of shape [${want}] for x of shape [${x}], got [${shape}]. Reshape it, or check the layer's size.`,
      );
    }
  }
}

export interface NormOptions {
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  /** added to the variance; 1e-5 by default */
  eps?: number | undefined;
  /** what follows the normalisation, in the same kernel */
  activation?: 'none' | 'relu' | 'leakyRelu' | undefined;
  /** of leakyRelu, at least 0; 0.01 by default */
  slope?: number | undefined;
}

/** Weight and bias, both or neither: an absent one becomes ones or zeros of the other's shape. */
export function bothWeights({ weight, bias }: NormOptions): { weight?: Tensor; bias?: Tensor } {
  if (!weight && !bias) return {};
  const like = (weight ?? bias) as Tensor;
  return { weight: weight ?? full(like, like, 1), bias: bias ?? full(like, like, 0) };
}

/** @throws ShapeError for a slope that the gradient could not be found back from */
export function slopeOf(name: string, { activation = 'none', slope = 0.01 }: NormOptions): number {
  if (activation === 'none') return 1;
  if (activation === 'relu') return 0;
  if (!(slope >= 0)) {
    throw new ShapeError(
      `${name}: a fused leakyRelu needs a slope of at least 0, got ${slope}. Call leakyRelu() on the result instead.`,
    );
  }
  return slope;
}

/** Chooses between the two ops. */
export function runNorm(
  name: string,
  { plain, general }: { plain: Plain; general: General },
  x: Tensor,
  options: NormOptions,
  normalized = 1,
): { y: Tensor; stats: Tensor } {
  const { eps = 1e-5 } = options;
  const slope = slopeOf(name, options);
  const weights = bothWeights(options);
  if (slope === 1 && !weights.weight) return plain({ x }, { eps, normalized });
  return general({ x, ...weights }, { eps, slope, normalized });
}
