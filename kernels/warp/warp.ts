import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  type Op,
  read,
  type Sample,
  type Shape,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  write,
} from '../../engine/index.ts';
import { type WarpField, warpField } from './field.ts';
import { warpRef, warpTransposeRef } from './reference.ts';

const WG = 64;
/** As STRIP of the kernels: planes a thread takes. */
const STRIP = 4;

const Params = d.struct({ planes: d.u32, area: d.u32 }).$name('Params');
type Extents = { planes: number; area: number };
const grid = (p: Extents) => Math.ceil((Math.ceil(p.planes / STRIP) * p.area) / WG);
const bytesOf = (p: Extents, bytes: number) => (2 * p.planes * bytes + 8) * p.area;

const forwardKernel = defineKernel({
  name: 'warp.forward',
  wgsl: new URL('./warp.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), sources: read('u32'), y: write('T') },
  keys: { WG: [WG] },
  grid,
  cost: (p, bytes) => ({ flops: 0, bytes: bytesOf(p, bytes) }),
});

const transposeKernel = defineKernel({
  name: 'warp.transpose',
  wgsl: new URL('./transpose.wgsl', import.meta.url),
  params: Params,
  bindings: { y: read('T'), starts: read('u32'), targets: read('u32'), x: write('T') },
  keys: { WG: [WG] },
  grid,
  cost: (p, bytes) => ({ flops: p.planes * p.area, bytes: bytesOf(p, bytes) }),
});

interface WarpAttrs {
  field: WarpField;
}

const NO_FIELD: WarpAttrs = { field: warpField([], 0, 0) };

function paramsOf({ shape, size }: Tensor, { field }: WarpAttrs): Extents {
  const area = field.width * field.height;
  return { planes: size / area, area: shape[2] * shape[3] };
}

function check(name: string, shape: Shape, { field }: WarpAttrs): void {
  if (shape.length === 4 && shape[2] === field.height && shape[3] === field.width) return;
  throw new ShapeError(
    `${name}: expected pictures [N, C, ${field.height}, ${field.width}] of the flow's size, got [${shape}]. Make the ` +
      'flow for the size of the pictures.',
  );
}

const warpOp: Op<'x', readonly ['y'], WarpAttrs> = defineOp({
  name: 'warp',
  inputs: ['x'],
  outputs: ['y'],
  defaults: NO_FIELD,
  shape: ({ x }, attrs) => {
    check('warp', x.shape, attrs);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  forward: ({ x }, { y }, attrs) => {
    scope(() => {
      const { sources } = attrs.field;
      const from = tensor(x.device, sources, [sources.length], 'u32');
      forwardKernel.launch({ x, sources: from, y }, paramsOf(x, attrs), { WG });
    });
  },
  backward: ({ dy }, attrs) => ({ dx: transposeOp({ y: dy }, attrs).x }),
  reference: ({ x }, { field }) => ({ y: warpRef(x, field.sources) }),
  reduction: (_, { field }) => mostTargets(field),
  samples: samples('x'),
});

const transposeOp: Op<'y', readonly ['x'], WarpAttrs> = defineOp({
  name: 'warpTranspose',
  inputs: ['y'],
  outputs: ['x'],
  defaults: NO_FIELD,
  shape: ({ y }, attrs) => {
    check('warpTranspose', y.shape, attrs);
    return { x: { shape: y.shape, dtype: y.dtype } };
  },
  forward: ({ y }, { x }, attrs) => {
    scope(() => {
      const [starts, targets] = [attrs.field.starts, attrs.field.targets].map((table) =>
        tensor(y.device, table, [table.length], 'u32'),
      );
      transposeKernel.launch({ y, starts, targets, x }, paramsOf(y, attrs), { WG });
    });
  },
  backward: ({ dx }, attrs) => ({ dy: warpOp({ x: dx }, attrs).y }),
  reference: ({ y }, { field }) => ({ x: warpTransposeRef(y, field.sources) }),
  reduction: (_, { field }) => mostTargets(field),
  samples: samples('y'),
});

function mostTargets({ sources, starts }: WarpField): number {
  return sources.reduce((most, _, p) => Math.max(most, starts[p + 1] - starts[p]), 1);
}

function samples<In extends string>(input: In): Sample<In, WarpAttrs>[] {
  const attrs = (width: number, height: number, shift: number): WarpAttrs => {
    const area = width * height;
    const flow = Float32Array.from({ length: 2 * area }, (_, i) => shift + 3 * Math.sin(0.3 * i + shift));
    const toJSON = () => `${width} × ${height}, shift ${shift}`;
    return { field: Object.assign(warpField(flow, width, height), { toJSON }) };
  };
  const of = (shape: Shape) => ({ [input]: shape }) as { readonly [name in In]?: Shape };
  return [
    { inputs: of([1, 3, 5, 7]), attrs: attrs(7, 5, 0) },
    { inputs: of([2, 3, 9, 12]), attrs: attrs(12, 9, -2.5) },
    { inputs: of([1, 1, 13, 6]), attrs: attrs(6, 13, 40) }, // every pixel reads a corner
    { inputs: of([3, 2, 1, 1]), attrs: attrs(1, 1, 1) },
    {
      inputs: of([2, 3, 256, 256]),
      get attrs() {
        return attrs(256, 256, 5);
      },
      bench: '2 pictures of 256²',
    },
  ];
}

/**
 * A picture moved by a flow, every pixel taken from the nearest one: y(p) = x(p − flow(p)), see `warpField`. The gradient
 * adds, in order, what all readers of a pixel send back.
 *
 * @param x      [N, C, H, W], f32 or f16
 * @param field  `warpField` of one flow, for the whole batch
 * @throws ShapeError when the field is for another size
 */
export const warp = (x: Tensor, field: WarpField): Tensor => warpOp({ x }, { field }).y;
