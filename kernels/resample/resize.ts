import { composite, defineOp, type Op, type Sample, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { double, isDouble } from './double.ts';
import { type AxisRule, launchResample, launchTranspose } from './launch.ts';
import { applyMatrix, matrix, transposed } from './reference.ts';

interface ResampleAttrs extends AxisRule {
  axis: number;
  /** extent of the axis of the result */
  extent: number;
}

const DEFAULTS: ResampleAttrs = { axis: 0, extent: 1, mode: 'linear', alignCorners: false, factor: undefined };

const withExtent = (shape: Shape, axis: number, extent: number) => shape.map((n, k) => (k === axis ? extent : n));

/** Longest sum over one axis, in either direction. */
const terms = (n: number, m: number) => Math.max(4, (4 * n) / m, (4 * m) / n);

const MODES = ['nearest', 'nearest-exact', 'linear', 'cubic', 'area'] as const;

const axisSamples: readonly (Sample<'x', ResampleAttrs> & { inputs: { x: Shape } })[] = [
  ...MODES.flatMap((mode) => [
    { inputs: { x: [2, 5, 3] }, attrs: { mode, axis: 1, extent: 12 } },
    { inputs: { x: [2, 13, 4] }, attrs: { mode, axis: 1, extent: 5 } },
    { inputs: { x: [6, 7] }, attrs: { mode, axis: 1, extent: 16 } },
    { inputs: { x: [3, 40] }, attrs: { mode, axis: 1, extent: 3 } },
    { inputs: { x: [1, 1, 8] }, attrs: { mode, axis: 1, extent: 5 } },
    { inputs: { x: [9, 2] }, attrs: { mode, axis: 0, extent: 1 } },
    { inputs: { x: [5, 6] }, attrs: { mode, axis: 1, extent: 6 } },
  ]),
  ...(['nearest', 'nearest-exact', 'linear', 'cubic'] as const).flatMap((mode) => [
    { inputs: { x: [2, 11] }, attrs: { mode, axis: 1, extent: 14, factor: 1.3 } },
    { inputs: { x: [2, 11, 4] }, attrs: { mode, axis: 1, extent: 7, factor: 0.7 } },
  ]),
  ...(['linear', 'cubic'] as const).flatMap((mode) => [
    { inputs: { x: [2, 5, 3] }, attrs: { mode, axis: 1, extent: 11, alignCorners: true } },
    { inputs: { x: [3, 11] }, attrs: { mode, axis: 1, extent: 4, alignCorners: true } },
    { inputs: { x: [1, 1, 4] }, attrs: { mode, axis: 1, extent: 3, alignCorners: true } },
    { inputs: { x: [2, 9] }, attrs: { mode, axis: 1, extent: 1, alignCorners: true } },
  ]),
  { inputs: { x: [1, 300] }, attrs: { mode: 'linear', axis: 1, extent: 257 } },
];

/** One axis, in any of the modes. */
const resampleOp: Op<'x', readonly ['y'], ResampleAttrs> = defineOp({
  name: 'resample',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }, { axis, extent }) => ({ y: { shape: withExtent(x.shape, axis, extent), dtype: x.dtype } }),
  forward: ({ x }, { y }, { axis, ...rule }) => launchResample(x, y, axis, rule),
  backward: ({ dy }, attrs, { inputs }) => ({
    dx: transposeOp({ y: dy }, { ...attrs, extent: inputs.x.shape[attrs.axis] }).x,
  }),
  reference: ({ x }, { axis, extent, ...rule }) => ({
    y: applyMatrix(matrix(x.shape[axis], extent, rule), x, axis),
  }),
  reduction: ({ x }, { axis, extent }) => terms(x.shape[axis], extent),
  samples: axisSamples,
});

const transposeOp: Op<'y', readonly ['x'], ResampleAttrs> = defineOp({
  name: 'resampleTranspose',
  inputs: ['y'],
  outputs: ['x'],
  defaults: DEFAULTS,
  shape: ({ y }, { axis, extent }) => ({ x: { shape: withExtent(y.shape, axis, extent), dtype: y.dtype } }),
  forward: ({ y }, { x }, { axis, ...rule }) => launchTranspose(y, x, axis, rule),
  backward: ({ dx }, attrs, { inputs }) => ({
    dy: resampleOp({ x: dx }, { ...attrs, extent: inputs.y.shape[attrs.axis] }).y,
  }),
  reference: ({ y }, { axis, extent, ...rule }) => ({
    x: applyMatrix(transposed(matrix(extent, y.shape[axis], rule)), y, axis),
  }),
  reduction: ({ y }, { axis, extent }) => terms(y.shape[axis], extent),
  samples: axisSamples.map(({ inputs: { x }, attrs = {}, ...sample }) => {
    const { axis = 0, extent = 1 } = attrs;
    return { ...sample, inputs: { y: withExtent(x, axis, extent) }, attrs: { ...attrs, extent: x[axis] } };
  }),
});

export type ResizeMode = 'nearest' | 'nearest-exact' | 'bilinear' | 'bicubic' | 'area';

export interface ResizeOptions {
  /** height and width of the result */
  size?: readonly [number, number];
  /** outputs an input, for both axes or each: used for the positions, too, as PyTorch does */
  scale?: number | readonly [number, number];
  /** nearest by default */
  mode?: ResizeMode;
  /** bilinear and bicubic: corner elements lie on corner elements; false by default */
  alignCorners?: boolean;
}

const AXIS_MODES = {
  nearest: 'nearest',
  'nearest-exact': 'nearest-exact',
  bilinear: 'linear',
  bicubic: 'cubic',
  area: 'area',
} as const;

/** The rule and extent of the height and the width. */
function axesOf(shape: Shape, { size, scale, mode = 'nearest', alignCorners = false }: ResizeOptions) {
  if ((size === undefined) === (scale === undefined) || shape.length < 2) {
    throw new ShapeError(
      `resize: expected x of at least two axes and either size or scale, got [${shape}], size ${size}, scale ${scale}.`,
    );
  }
  if (alignCorners && mode !== 'bilinear' && mode !== 'bicubic') {
    throw new ShapeError(
      `resize: alignCorners has a meaning for bilinear and bicubic alone, got ${mode}. Leave it out.`,
    );
  }
  const factors = typeof scale === 'number' ? [scale, scale] : scale;
  return [0, 1].map((k) => {
    const axis = shape.length - 2 + k;
    const extent = size ? size[k] : Math.floor(shape[axis] * (factors?.[k] ?? 1));
    if (!Number.isInteger(extent) || extent < 1) {
      throw new ShapeError(
        `resize: expected a height and width of at least 1, got ${size ? `size [${size}]` : `scale ${scale}`} for ` +
          `[${shape}]. Ask for a larger result.`,
      );
    }
    const factor = mode === 'area' || alignCorners ? undefined : factors?.[k];
    return { axis, extent, mode: AXIS_MODES[mode], alignCorners, factor };
  });
}

/**
 * Resizes the last two axes, with PyTorch's conventions: element centres lie at half-integers (unless `alignCorners`),
 * bicubic uses a = −0.75, nothing is smoothed before reducing, `area` is the adaptive average.
 *
 * Positions of bilinear and bicubic are exact to 2^-32 of an element times the output index.
 *
 * @param x  rank 2 or more, f32 or f16
 * @returns  x itself where the size stays
 * @throws ShapeError when neither or both of size and scale are given, or the result would be empty
 * @throws LimitError when an extent before times one after reaches 2^32
 * @see torch.nn.functional.interpolate; Keys 1981 for bicubic
 */
export function resize(x: Tensor, options: ResizeOptions): Tensor {
  const axes = axesOf(x.shape, options);
  const nearest = axes[0].mode === 'nearest' || axes[0].mode === 'nearest-exact';
  if (nearest && axes.every(({ factor = 2 }) => factor === 2) && isDouble(x.shape, axes[0].extent, axes[1].extent)) {
    return double(x);
  }
  // the axis that shrinks most goes first: the second one then has less to do
  const growth = ({ axis, extent }: { axis: number; extent: number }) => extent / x.shape[axis];
  const [first, second] = growth(axes[0]) <= growth(axes[1]) ? axes : [axes[1], axes[0]];
  let y = x;
  for (const attrs of [first, second]) {
    const same = attrs.extent === x.shape[attrs.axis] && (attrs.factor === undefined || attrs.factor === 1);
    if (!same) y = resampleOp({ x: y }, attrs).y;
  }
  return y;
}

composite({
  name: 'resize',
  inputs: ['x'],
  defaults: {} as ResizeOptions,
  run: ({ x }, options) => resize(x, options),
  reference: ({ x }, options) => {
    const [rows, columns] = axesOf(x.shape, options);
    const apply = (y: typeof x, { axis, extent, ...rule }: ResampleAttrs) =>
      applyMatrix(matrix(x.shape[axis], extent, rule), y, axis);
    return apply(apply(x, columns), rows);
  },
  reduction: ({ x }, options) =>
    axesOf(x.shape, options).reduce((product, { axis, extent }) => product * terms(x.shape[axis], extent), 1),
  samples: [
    { inputs: { x: [2, 3, 4, 5] }, attrs: { scale: 2 } },
    { inputs: { x: [2, 3, 5, 4] }, attrs: { size: [10, 8] } },
    { inputs: { x: [1, 2, 9, 7] }, attrs: { size: [4, 16], mode: 'bilinear' } },
    { inputs: { x: [1, 2, 5, 8] }, attrs: { size: [11, 3], mode: 'bilinear', alignCorners: true } },
    { inputs: { x: [1, 3, 6, 5] }, attrs: { scale: [1.5, 0.5], mode: 'bicubic' } },
    { inputs: { x: [2, 2, 10, 9] }, attrs: { size: [3, 4], mode: 'area' } },
    { inputs: { x: [3, 4] }, attrs: { size: [3, 4], mode: 'nearest-exact' } },
    { inputs: { x: [1, 64, 128, 128] }, attrs: { scale: 2 }, bench: 'nearest ×2, 64 of 128²' },
    { inputs: { x: [1, 64, 128, 128] }, attrs: { scale: 2, mode: 'bilinear' }, bench: 'bilinear ×2, 64 of 128²' },
    {
      inputs: { x: [1, 3, 2160, 3840] },
      attrs: { size: [512, 910], mode: 'bilinear' },
      bench: 'bilinear 4K to 512 rows',
    },
    { inputs: { x: [1, 64, 256, 256] }, attrs: { size: [128, 128], mode: 'area' }, bench: 'area ½, 64 of 256²' },
    { inputs: { x: [1, 3, 512, 512] }, attrs: { scale: 2, mode: 'bicubic' }, bench: 'bicubic ×2, 3 of 512²' },
  ],
});
