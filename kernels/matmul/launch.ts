import * as d from 'typegpu/data';
import { defineKernel, optional, read, type Tensor, write } from '../../engine/index.ts';
import { type Activation, activationCode, activationWgsl } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { matrixUnitFor, perUnit, unitKey } from '../lib/matrix-unit.ts';
import { variantFor } from '../lib/variant.ts';
import type { Product } from './shapes.ts';

const Params = d
  .struct({
    batch: d.u32,
    m: d.u32,
    n: d.u32,
    k: d.u32,
    /** the rows that this dispatch computes */
    startRow: d.u32,
    endRow: d.u32,
    /** distances in elements between items of the batch, rows and columns */
    aBatch: d.u32,
    aRow: d.u32,
    aColumn: d.u32,
    bBatch: d.u32,
    bRow: d.u32,
    bColumn: d.u32,
    biasByRow: d.u32,
    curve: d.u32,
    slope: d.f32,
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const bindings = { a: read('T'), b: read('T'), y: write('T'), bias: optional(read('T'), 'HAS_BIAS') } as const;
const lib = [new URL('./epilogue.wgsl', import.meta.url), activationWgsl];

function cost({ batch, startRow, endRow, n, k, aBatch, bBatch }: ParamValues, bytes: number) {
  const m = endRow - startRow;
  const values = (aBatch ? batch : 1) * m * k + (bBatch ? batch : 1) * k * n + batch * m * n;
  return { flops: 2 * batch * m * n * k, bytes: values * bytes };
}

const lanesKernel = defineKernel({
  name: 'matmul.lanes',
  wgsl: new URL('./matmul.lanes.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_M: [8, 32], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p, { TILE_M }, { subgroupWidth }) =>
    Math.ceil((p.endRow - p.startRow) / TILE_M) * Math.ceil(p.n / (4 * subgroupWidth)) * p.batch,
  cost,
});

const tiledKernel = defineKernel({
  name: 'matmul.tiled',
  wgsl: new URL('./matmul.tiled.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p) => Math.ceil(p.m / 64) * Math.ceil(p.n / 64) * p.batch,
  cost,
});

const directKernel = defineKernel({
  name: 'matmul.direct',
  wgsl: new URL('./matmul.direct.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { WG: [64], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p) => Math.ceil((p.batch * p.m * p.n) / 64),
  cost,
});

/** On matrix units, reading A and B by single values or by fours. */
const matrixKernels = perUnit((unit) => {
  const reading = (T: 'T' | 'T4', file: string) =>
    defineKernel({
      name: `matmul.matrix${T === 'T' ? '' : '4'}${unit.suffix}`,
      wgsl: new URL('./matmul.matrix.wgsl', import.meta.url),
      lib: [...unit.lib, ...lib, new URL(file, import.meta.url)],
      params: Params,
      bindings: { ...bindings, a: read(T), b: read(T) },
      keys: { ...unit.keys, LEFT_ALONG_K: [0, 1], RIGHT_ALONG_K: [0, 1], HAS_BIAS: [0, 1], CURVED: [0, 1] },
      valid: (key) => unit.valid(key),
      storage: unit.storage,
      widths: (width, key) => unit.widths(width, key),
      subgroups: true,
      subgroupMatrix: unit.subgroupMatrix,
      grid: (p, { TILE }) => Math.ceil(p.m / TILE) * Math.ceil(p.n / TILE) * p.batch,
      cost,
    });
  return { 1: reading('T', './quads1.wgsl'), 4: reading('T4', './quads4.wgsl') };
});

export interface MatmulTensors {
  a: Tensor;
  b: Tensor;
  y: Tensor;
  bias?: Tensor | undefined;
}

/** Appends the dispatch of y = activation(A · B + bias), with the kernel and tile that suit its shape and the device. */
export function launchMatmul(
  tensors: MatmulTensors,
  product: Product,
  epilogue: { biasByRow: boolean; activation: Activation; slope: number },
): void {
  const { batch, m, n, k } = product;
  const { CURVED, curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const params: ParamValues = {
    ...{ batch, m, n, k, startRow: 0, endRow: m },
    ...{ aBatch: product.aShared ? 0 : m * k, bBatch: product.bShared ? 0 : k * n },
    ...(product.transposeA ? { aRow: 1, aColumn: m } : { aRow: k, aColumn: 1 }),
    ...(product.transposeB ? { bRow: 1, bColumn: k } : { bRow: n, bColumn: 1 }),
    biasByRow: epilogue.biasByRow ? 1 : 0,
    ...{ curve, slope },
  };
  const flags = { HAS_BIAS: tensors.bias ? 1 : 0, CURVED };
  const { device, dtype } = tensors.a;
  const { family, tile } = variantFor(device, { kind: 'matmul', rows: m, columns: n, terms: k, batch, dtype });
  const unit = family === 'matrix' ? matrixUnitFor(device.capabilities, dtype) : undefined;
  if (unit) {
    const { transposeA, transposeB } = product;
    const lines = [transposeA ? m : k, transposeB ? k : n];
    const layout = { LEFT_ALONG_K: transposeA ? 0 : 1, RIGHT_ALONG_K: transposeB ? 1 : 0 };
    const kernel = matrixKernels(unit)[lines.every((length) => length % 4 === 0) ? 4 : 1];
    kernel.launch(tensors, params, { ...unitKey(unit, tile[0]), ...layout, ...flags });
  } else if (family === 'tiled') tiledKernel.launch(tensors, params, flags);
  else if (family === 'direct') directKernel.launch(tensors, params, { WG: 64, ...flags });
  else {
    for (const { size, start, end } of cutRows(m, TILES)) {
      lanesKernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_M: size, ...flags });
    }
  }
}

// Relative times of one block of rows, measured on lavapipe with 8 lanes.
const TILES: readonly BlockSize[] = [
  { size: 32, time: 2.2 },
  { size: 8, time: 1 },
];
