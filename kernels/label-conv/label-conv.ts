import { type DType, DTypeError, defineOp, type Op, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { biasGrad } from '../conv2d/bias-grad.ts';
import type { ConvWeights } from '../conv2d/conv2d.ts';
import { checkShape, type Geometry, geometryOf, type Padding, type Pair, PLAIN_WINDOW } from '../conv2d/geometry.ts';
import { perChannel } from '../conv2d/reference.ts';
import { checkIndex } from '../gather/select.ts';
import { type Activation, activationGrad, activationRef, checkActivation } from '../lib/activation.ts';
import { launchConv, launchWeightGrad } from './kernels.ts';
import { labelConvRef, labelWeightGradRef } from './reference.ts';
import { activatedSamples, convSamples, weightGradSamples } from './samples.ts';

/** The activations that the kernel applies. */
export type StraightActivation = Extract<Activation, 'none' | 'relu' | 'leakyRelu'>;

/** How the kernel moves over the label map. */
export interface Window {
  stride: Pair;
  padding: Padding;
}

interface LabelConvAttrs extends Window {
  activation: StraightActivation;
  /** of leakyRelu, at least 0 */
  slope: number;
  /** storage type of the result */
  dtype?: DType;
}

const DEFAULTS: LabelConvAttrs = { stride: 1, padding: 0, activation: 'none', slope: 0.01 };

/** The geometry of the convolution of the one-hot tensor. */
function geometryFor(name: string, labels: Shape, weight: Shape, { stride, padding }: Window): Geometry {
  if (labels.length !== 3) {
    throw new ShapeError(`${name}: expected labels to have three axes [N, H, W], got [${labels}]. Reshape them.`);
  }
  const [n, h, w] = labels;
  return geometryOf(name, [n, weight[1], h, w], weight, { ...PLAIN_WINDOW, stride, padding });
}

const outShape = (g: Geometry) => [g.n, g.k, g.oH, g.oW];
/** Gradients are tested with the tolerance of the op, so the longer of the two sums counts. */
const longestSum = (g: Geometry) => Math.max(g.kH * g.kW + 2, g.n * g.oH * g.oW);

type ConvOp = Op<'labels' | 'weight' | 'bias' | 'residual', readonly ['y'], LabelConvAttrs>;

/** Two ops of one definition: the gradient of an activation needs the output, that of the sum alone does not. */
function defineLabelConv(
  name: string,
  { saves, samples }: Pick<ConvOp['definition'], 'saves' | 'samples'> & object,
): ConvOp {
  return defineOp({
    name,
    inputs: ['labels', 'weight', 'bias', 'residual'],
    optional: ['bias', 'residual'],
    outputs: ['y'],
    defaults: DEFAULTS,
    shape: ({ labels, weight, bias, residual }, { activation, slope, dtype, ...window }) => {
      checkIndex('labelConv2d', 'labels', labels);
      const shape = outShape(geometryFor('labelConv2d', labels.shape, weight.shape, window));
      checkShape('labelConv2d', 'bias', bias, [weight.shape[0]]);
      checkShape('labelConv2d', 'residual', residual, shape);
      checkActivation('labelConv2d', activation, slope);
      const type = dtype ?? residual?.dtype ?? weight.dtype;
      if (residual && residual.dtype !== type) {
        throw new DTypeError(
          `labelConv2d: expected a residual of the result's type ${type}, got ${residual.dtype}. Leave dtype out, or ` +
            'convert the residual with cast().',
        );
      }
      return { y: { shape, dtype: type } };
    },
    forward: ({ labels, weight, bias, residual }, { y }, { activation, slope, ...window }) => {
      const g = geometryFor('labelConv2d', labels.shape, weight.shape, window);
      launchConv({ labels, weight, bias, residual, y }, g, activation, slope);
    },
    saves,
    // with z the sum and y = f(z): dz = dy · f′(z), and every term of z takes dz as it is
    backward: ({ labels, y, dy }, { activation, slope, stride, padding }, { needs, inputs: { weight } }) => {
      const dz = activationGrad(activation, dy, y, slope);
      const { dtype, shape } = weight;
      const attrs = { stride, padding, classes: shape[1], kernel: [shape[2], shape[3]] as const, dtype };
      return {
        dweight: needs.weight ? weightGradOp({ labels, g: dz }, attrs).w : undefined,
        dbias: needs.bias ? biasGrad(dz, dtype) : undefined,
        dresidual: dz,
      };
    },
    reference: ({ labels, weight, bias, residual }, { activation, slope, ...window }) => {
      const z = labelConvRef(labels, weight, geometryFor('labelConv2d', labels.shape, weight.shape, window));
      const y = perChannel(z, (value, channel, i) =>
        activationRef(activation, (residual?.data[i] ?? 0) + (bias?.data[channel] ?? 0) + value, slope),
      );
      return { y };
    },
    reduction: ({ labels, weight }, attrs) => longestSum(geometryFor('labelConv2d', labels.shape, weight.shape, attrs)),
    samples,
  });
}

const convOp = defineLabelConv('labelConv2d', { saves: ['labels'], samples: convSamples });
const activatedOp = defineLabelConv('labelConv2dActivated', { saves: ['labels', 'y'], samples: activatedSamples });

interface WeightGradAttrs extends Window {
  classes: number;
  /** extents [kH, kW] of the weight */
  kernel: readonly [number, number];
  /** storage type of the gradient, that of the weight; the type of g by default */
  dtype?: DType;
}

/** The transpose of the convolution in its weight: of each class, the sum of g over the pixels that a tap finds it from. */
const weightGradOp: Op<'labels' | 'g', readonly ['w'], WeightGradAttrs> = defineOp({
  name: 'labelConv2dWeightGrad',
  inputs: ['labels', 'g'],
  outputs: ['w'],
  defaults: { stride: 1, padding: 0, classes: 1, kernel: [1, 1] } as WeightGradAttrs,
  shape: ({ labels, g }, attrs) => {
    checkIndex('labelConv2dWeightGrad', 'labels', labels);
    const weight = weightShape(g.shape, attrs);
    checkShape(
      'labelConv2dWeightGrad',
      'g',
      g,
      outShape(geometryFor('labelConv2dWeightGrad', labels.shape, weight, attrs)),
    );
    return { w: { shape: weight, dtype: attrs.dtype ?? g.dtype } };
  },
  forward: ({ labels, g: dy }, { w: dweight }, attrs) => {
    launchWeightGrad({ labels, dy, dweight }, geometryFor('labelConv2dWeightGrad', labels.shape, dweight.shape, attrs));
  },
  saves: ['labels'],
  backward: ({ labels, dw }, { stride, padding }, { inputs }) => ({
    dg: convOp({ labels, weight: dw }, { stride, padding, dtype: inputs.g.dtype }).y,
  }),
  reference: ({ labels, g }, attrs) => ({
    w: labelWeightGradRef(
      labels,
      g,
      geometryFor('labelConv2dWeightGrad', labels.shape, weightShape(g.shape, attrs), attrs),
    ),
  }),
  reduction: ({ labels, g }, attrs) =>
    longestSum(geometryFor('labelConv2dWeightGrad', labels.shape, weightShape(g.shape, attrs), attrs)),
  samples: weightGradSamples,
});

const weightShape = (g: Shape, { classes, kernel }: WeightGradAttrs) => [g[1], classes, ...kernel];

export interface LabelConv2dOptions extends Partial<Window> {
  /** applied to the whole sum, in the same kernel */
  activation?: StraightActivation;
  /** of leakyRelu, at least 0; 0.01 by default */
  slope?: number;
  /** added before the activation: what other channels, convolved by conv2d, contribute */
  residual?: Tensor | undefined;
  /** storage type of the result; that of the residual, or else of the weight by default */
  dtype?: DType | undefined;
}

/**
 * conv2d of a label map's one-hot tensor, without that tensor: every tap adds the one column of the weight that its label
 * names.
 *
 *     y[n, o, i, j] = f(residual + bias[o] + Σ_{a, b} w[o, labels[n, i·stride + a − padding, j·stride + b − padding], a, b])
 *
 * Taps outside the map, and labels past the classes, add nothing. Sums are f32. A gradient of the weight that is below
 * 2^-21 of the sizes of its terms is rounding, and 0.
 *
 * @param labels   [N, H, W], u32
 * @param weights  weight [O, C, kH, kW] and bias [O] of one type, f32 or f16, which their gradients have too
 * @param options  stride 1, padding 0, no activation
 * @returns        [N, O, oH, oW], oH = ⌊(H + padding − kH) / stride⌋ + 1
 * @throws ShapeError when the shapes or options do not fit together
 * @throws DTypeError when labels are not u32, or the residual has another type than the result
 */
export function labelConv2d(labels: Tensor, weights: ConvWeights, options: LabelConv2dOptions = {}): Tensor {
  const { residual, activation = 'none', dtype, ...rest } = options;
  const op = activation === 'none' ? convOp : activatedOp;
  return op({ labels, ...weights, residual }, { ...rest, activation, ...(dtype && { dtype }) }).y;
}
