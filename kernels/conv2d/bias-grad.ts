/** The gradient of a bias: the sums of a gradient over pictures and pixels, in one dispatch or two. */
import * as d from 'typegpu/data';
import { type DType, defineKernel, defineOp, type Op, read, type Tensor, write } from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { cast } from '../pointwise/ops.ts';
import { sumRef } from '../reduce/reference.ts';
import { broadcastTo, reshape, sum } from '../reduce/sum.ts';
import { checkRank } from './geometry.ts';
import { sumSlots } from './slot-sums.ts';

const WG = 256;

const kernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `conv2d.biasGrad${suffix}`,
    wgsl: new URL('./bias-grad.wgsl', import.meta.url),
    lib: [lib, new URL('../lib/workgroup-sum.wgsl', import.meta.url)],
    params: d.struct({ n: d.u32, channels: d.u32, plane: d.u32, slots: d.u32, span: d.u32 }).$name('Params'),
    bindings: { x: read(T), partial: write('f32') },
    keys: { WG: [WG] },
    grid: (p) => p.channels * p.slots,
    cost: (p, bytes) => {
      const terms = lanes * p.n * p.channels * p.plane;
      return { flops: terms, bytes: terms * bytes + 4 * p.slots * p.channels };
    },
  }),
);

/** Vectors that a workgroup takes a few microseconds for: less than another dispatch, which more workgroups would need. */
const SLOT_VECTORS = 1 << 14;

function launch(x: Tensor, y: Tensor): void {
  const [n, channels, h, w] = x.shape;
  const lanes = lanesFor(h * w);
  const plane = (h * w) / lanes;
  const wanted = Math.min(plane, Math.max(1, Math.round((n * plane) / SLOT_VECTORS)));
  const span = Math.ceil(plane / wanted);
  const slots = Math.ceil(plane / span);
  sumSlots(y, slots, (partial) => kernels[lanes].launch({ x, partial }, { n, channels, plane, slots, span }, { WG }));
}

const channelSums: Op<'x', readonly ['y'], { dtype?: DType }> = defineOp({
  name: 'conv2dBiasGrad',
  inputs: ['x'],
  outputs: ['y'],
  defaults: {} as { dtype?: DType },
  shape: ({ x }, { dtype = x.dtype }) => {
    checkRank('conv2dBiasGrad', 'x', '[N, C, H, W]', x.shape);
    return { y: { shape: [x.shape[1]], dtype } };
  },
  forward: ({ x }, { y }) => launch(x, y),
  backward: ({ dy }, _, { inputs: { x } }) => ({
    dx: cast(broadcastTo(reshape(dy, [1, x.shape[1], 1, 1]), x.shape), x.dtype),
  }),
  reference: ({ x }) => {
    const { data } = sumRef(sumRef(x, 2, 4, 1), 0, 1, 1);
    return { y: { shape: [x.shape[1]], data } };
  },
  reduction: ({ x: { shape } }) => shape[0] * shape[2] * shape[3],
  samples: [
    { inputs: { x: [2, 3, 5, 7] } },
    { inputs: { x: [3, 5, 6, 8] }, attrs: { dtype: 'f32' } },
    { inputs: { x: [1, 2, 131, 201] }, dtypes: ['f32'] }, // two slots of single values
    { inputs: { x: [1, 1, 260, 1040] }, dtypes: ['f32'] }, // and four of vectors
    { inputs: { x: [2, 16, 256, 256] }, bench: '16 planes of 256², 2 pictures' },
    { inputs: { x: [1, 64, 256, 256] }, bench: '64 planes of 256²' },
    { inputs: { x: [2, 256, 64, 64] }, bench: '256 planes of 64², 2 pictures' },
  ],
});

/**
 * dbias[c] = Σ over n, h, w of dy[n, c, h, w], of type `dtype`. Software drivers take `sum`, which asks for no barriers.
 *
 * @param dy  [N, C, H, W], f32 or f16; the sum is f32
 */
export function biasGrad(dy: Tensor, dtype: DType): Tensor {
  return dy.device.capabilities.software ? sum(dy, { axes: [0, 2, 3], dtype }) : channelSums({ x: dy }, { dtype }).y;
}
