import * as d from 'typegpu/data';
import { defineKernel, LimitError, read, type Tensor, write } from '../../engine/index.ts';
import { type Lanes, perLanes } from '../lib/lanes.ts';

const STRIP = 4;
const WG = 256;
const BLOCKS_WG = 64;
const TILE = 32;
const MAX_AXES = 6;

const stridedKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `permute.strided${suffix}`,
    wgsl: new URL('./strided.wgsl', import.meta.url),
    lib: [lib],
    params: d
      .struct({
        run: d.u32,
        axes: d.u32,
        base: d.i32,
        n0: d.u32,
        n1: d.u32,
        n2: d.u32,
        n3: d.u32,
        n4: d.u32,
        n5: d.u32,
        s0: d.i32,
        s1: d.i32,
        s2: d.i32,
        s3: d.i32,
        s4: d.i32,
        s5: d.i32,
      })
      .$name('Params'),
    bindings: { x: read(T), y: write(T) },
    keys: { WG: [WG] },
    grid: (p) => Math.ceil((p.run * Math.ceil(p.n0 / STRIP)) / WG),
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.n0 * p.run * bytes }),
  }),
);

const Matrices = d.struct({ batches: d.u32, rows: d.u32, columns: d.u32 }).$name('Params');
type MatrixSizes = { batches: number; rows: number; columns: number };
const tiles = (p: MatrixSizes) => p.batches * Math.ceil(p.rows / TILE) * Math.ceil(p.columns / TILE);
const moves = (p: MatrixSizes, bytes: number) => ({ flops: 0, bytes: 2 * p.batches * p.rows * p.columns * bytes });

const transposeKernel = defineKernel({
  name: 'permute.transpose',
  wgsl: new URL('./transpose.wgsl', import.meta.url),
  params: Matrices,
  bindings: { x: read('T'), y: write('T') },
  keys: { WG: [WG] },
  grid: tiles,
  cost: moves,
});

const blocksKernel = defineKernel({
  name: 'permute.transposeBlocks',
  wgsl: new URL('./transpose-blocks.wgsl', import.meta.url),
  params: Matrices,
  bindings: { x: read('T4'), y: write('T4') },
  keys: { WG: [BLOCKS_WG] },
  grid: tiles,
  cost: moves,
});

/** As MOST of weave.wgsl. */
const SHORT_SIDE = 8;
const WEAVE_WG = 256;
const weaveKernel = defineKernel({
  name: 'permute.weave',
  wgsl: new URL('./weave.wgsl', import.meta.url),
  params: d.struct({ batches: d.u32, short: d.u32, long: d.u32 }).$name('Params'),
  bindings: { x: read('T'), y: write('T') },
  keys: { WOVEN: [0, 1], WG: [WEAVE_WG] },
  grid: (p, { WG }) => p.batches * Math.ceil(p.long / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 2 * p.batches * p.short * p.long * bytes }),
});

/** One axis of y: its extent, and how far apart its neighbours lie in x (negative: x is read backwards). */
export interface Walk {
  readonly extent: number;
  readonly stride: number;
}

/**
 * Fills y, whose axes walk x as given.
 *
 * @throws LimitError when more than six groups of axes move apart
 */
export function launchWalks(name: string, x: Tensor, y: Tensor, walks: readonly Walk[]): void {
  const merged = merge(walks);
  if (merged.length > MAX_AXES) {
    throw new LimitError(
      `${name}: at most ${MAX_AXES} groups of axes can move apart at once, got ${merged.length} for [${x.shape}]. ` +
        'Do it in two steps.',
    );
  }
  const base = merged.reduce((sum, { extent, stride }) => sum - Math.min(stride, 0) * (extent - 1), 0);
  const matrix = matrixOf(merged);
  if (matrix && base === 0) {
    const { batches, rows, columns } = matrix;
    const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
    if (short <= SHORT_SIDE && long >= 16 * short) {
      weaveKernel.launch({ x, y }, { batches, short, long }, { WOVEN: columns < rows ? 1 : 0, WG: WEAVE_WG });
    } else if (matrix.rows % 4 === 0 && matrix.columns % 4 === 0)
      blocksKernel.launch({ x, y }, matrix, { WG: BLOCKS_WG });
    else transposeKernel.launch({ x, y }, matrix, { WG });
    return;
  }
  const last = merged.at(-1) as Walk;
  const lanes: Lanes =
    [last.extent, base, ...merged.slice(0, -1).map(({ stride }) => stride)].every((n) => n % 4 === 0) &&
    last.stride === 1
      ? 4
      : 1;
  const scaled = merged.map(({ extent, stride }, k) =>
    k === merged.length - 1 ? { extent: extent / lanes, stride } : { extent, stride: stride / lanes },
  );
  const [outer, ...rest] = scaled.length > 1 ? scaled : [{ extent: 1, stride: 0 }, ...scaled];
  const filler: Walk[] = Array.from({ length: MAX_AXES - 1 - rest.length }, () => ({ extent: 1, stride: 0 }));
  const [a, b, c, e, f] = [...filler, ...rest];
  const params = {
    run: rest.reduce((product, { extent }) => product * extent, 1),
    axes: rest.length,
    base: base / lanes,
    n0: outer.extent,
    n1: a.extent,
    n2: b.extent,
    n3: c.extent,
    n4: e.extent,
    n5: f.extent,
    s0: outer.stride,
    s1: a.stride,
    s2: b.stride,
    s3: c.stride,
    s4: e.stride,
    s5: f.stride,
  };
  stridedKernels[lanes].launch({ x, y }, params, { WG });
}

/** Axes that walk x together, as one; axes of extent 1 vanish. */
function merge(walks: readonly Walk[]): Walk[] {
  const merged: Walk[] = [];
  for (const { extent, stride } of walks) {
    if (extent === 1) continue;
    const before = merged.at(-1);
    if (before && before.stride === stride * extent)
      merged[merged.length - 1] = { extent: before.extent * extent, stride };
    else merged.push({ extent, stride });
  }
  return merged.length > 0 ? merged : [{ extent: 1, stride: 1 }];
}

/** The batch of matrices that these axes transpose, if that is all they do. */
function matrixOf(walks: readonly Walk[]): MatrixSizes | undefined {
  const [rest, across, along] = walks.length === 3 ? walks : [undefined, ...walks];
  if (walks.length > 3 || !across || !along || across.stride !== 1) return undefined;
  const columns = across.extent;
  const rows = along.extent;
  if (along.stride !== columns || (rest && rest.stride !== rows * columns)) return undefined;
  return { batches: rest?.extent ?? 1, rows, columns };
}
