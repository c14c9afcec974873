import * as d from 'typegpu/data';
import { defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { type Geometry, PADDING_MODES } from './geometry.ts';

const WG = 64;

const foldKernel = defineKernel({
  name: 'conv2d.fold',
  wgsl: new URL('./fold.wgsl', import.meta.url),
  lib: [new URL('./padding.wgsl', import.meta.url)],
  params: d
    .struct({
      planes: d.u32,
      h: d.u32,
      w: d.u32,
      paddedH: d.u32,
      paddedW: d.u32,
      top: d.u32,
      left: d.u32,
      padMode: d.u32,
    })
    .$name('Params'),
  bindings: { x: read('T'), y: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.planes * p.h * Math.ceil(p.w / 4)) / WG),
  cost: (p, bytes) => ({
    flops: p.planes * p.paddedH * p.paddedW,
    bytes: p.planes * (p.paddedH * p.paddedW + p.h * p.w) * bytes,
  }),
});

/** The geometry of the same convolution on a picture that was padded before: no padding of its own. */
export function paddedGeometry(g: Geometry): Geometry {
  return {
    ...g,
    h: g.h + g.top + g.bottom,
    w: g.w + g.left + g.right,
    top: 0,
    bottom: 0,
    left: 0,
    right: 0,
    mode: 'zeros',
  };
}

/** The transpose of padding: y [N, C, H, W] sums what was copied from it to x [N, C, H + top + bottom, W + left + right]. */
export function launchFold({ x, y }: { x: Tensor; y: Tensor }, g: Geometry): void {
  const { h, w, top, left } = g;
  const [paddedH, paddedW] = [h + top + g.bottom, w + left + g.right];
  const params = { planes: g.n * g.groups * g.c, h, w, paddedH, paddedW, top, left };
  foldKernel.launch({ x, y }, { ...params, padMode: PADDING_MODES.indexOf(g.mode) }, { WG });
}
