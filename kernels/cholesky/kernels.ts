import * as d from 'typegpu/data';
import { defineKernel, empty, read, readWrite, scope, type Tensor, write } from '../../engine/index.ts';

const { u32, f32 } = d;
const Params = d.struct({ batch: u32, n: u32, jitter: f32, stride: u32, first: u32, tiles: u32 }).$name('Params');

/** Largest n whose packed lower triangle fits the 16 KiB of workgroup memory that every device has. */
export const SMALL = 88;
const BLOCK = 32;
const PANEL_ROWS = 64;
const lib = [new URL('./pivot.wgsl', import.meta.url)];
const CUBE = (n: number) => (n * n * n) / 3;

const smallKernel = defineKernel({
  name: 'cholesky.small',
  wgsl: new URL('./small.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { a: read('f32'), l: write('f32'), info: write('u32') },
  keys: { WG: [32, 64] },
  grid: (p) => p.batch,
  cost: (p) => ({ flops: p.batch * CUBE(p.n), bytes: 8 * p.batch * p.n * p.n }),
});

const prepareKernel = defineKernel({
  name: 'cholesky.prepare',
  wgsl: new URL('./prepare.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { a: read('f32'), w: write('f32'), info: write('u32'), exponent: write('f32') },
  keys: { WG: [64] },
  grid: (p) => p.batch * p.stride,
  cost: (p) => ({ flops: 0, bytes: 8 * p.batch * p.stride * p.stride }),
});

const diagonalKernel = defineKernel({
  name: 'cholesky.diagonal',
  wgsl: new URL('./diagonal.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { w: readWrite('f32'), info: readWrite('u32') },
  grid: (p) => p.batch,
  cost: (p) => ({ flops: p.batch * CUBE(BLOCK), bytes: 8 * p.batch * BLOCK * BLOCK }),
});

const panelKernel = defineKernel({
  name: 'cholesky.panel',
  wgsl: new URL('./panel.wgsl', import.meta.url),
  params: Params,
  bindings: { w: readWrite('f32'), info: read('u32') },
  grid: (p) => p.batch * p.tiles,
  cost: (p) => {
    const rows = p.batch * (p.stride - p.first - BLOCK);
    return { flops: rows * BLOCK * BLOCK, bytes: 8 * rows * BLOCK };
  },
});

const trailingKernel = defineKernel({
  name: 'cholesky.trailing',
  wgsl: new URL('./trailing.wgsl', import.meta.url),
  params: Params,
  bindings: { w: readWrite('vec4f'), info: read('u32') },
  grid: (p) => p.batch * p.tiles,
  cost: (p) => ({ flops: 2 * p.batch * p.tiles * BLOCK ** 3, bytes: 16 * p.batch * p.tiles * BLOCK * BLOCK }),
});

const finishKernel = defineKernel({
  name: 'cholesky.finish',
  wgsl: new URL('./finish.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { w: read('f32'), info: read('u32'), exponent: read('f32'), l: write('f32') },
  keys: { WG: [256] },
  grid: (p) => Math.ceil((p.batch * p.n * p.n) / 256),
  cost: (p) => ({ flops: 0, bytes: 8 * p.batch * p.n * p.n }),
});

/** Records the factorisation of a [batch, n, n] into l and info [batch]. */
export function launchCholesky(a: Tensor, l: Tensor, info: Tensor, jitter: number): void {
  const n = a.shape[a.shape.length - 1];
  const batch = a.size / (n * n);
  if (n > SMALL) scope(() => launchBlocked(a, l, info, { batch, n, jitter }));
  else {
    const params = { batch, n, jitter, stride: n, first: 0, tiles: 0 };
    smallKernel.launch({ a, l, info }, params, { WG: n <= 32 ? 32 : 64 });
  }
}

/** Right-looking in panels of 32 columns: diagonal block, the rows below it, what is behind. All recorded at once. */
function launchBlocked(a: Tensor, l: Tensor, info: Tensor, size: { batch: number; n: number; jitter: number }): void {
  const { batch, n } = size;
  const stride = Math.ceil(n / BLOCK) * BLOCK;
  const w = empty(a.device, { shape: [batch, stride, stride], dtype: 'f32' });
  const exponent = empty(a.device, { shape: [batch], dtype: 'f32' });
  const params = { ...size, stride, first: 0, tiles: 0 };
  prepareKernel.launch({ a, w, info, exponent }, params, { WG: 64 });
  for (let first = 0; first < stride; first += BLOCK) {
    const below = stride - first - BLOCK;
    diagonalKernel.launch({ w, info }, { ...params, first });
    if (below === 0) break;
    panelKernel.launch({ w, info }, { ...params, first, tiles: Math.ceil(below / PANEL_ROWS) });
    const tileRows = below / BLOCK;
    trailingKernel.launch({ w, info }, { ...params, first, tiles: (tileRows * (tileRows + 1)) / 2 });
  }
  finishKernel.launch({ w, info, exponent, l }, params, { WG: 256 });
}
