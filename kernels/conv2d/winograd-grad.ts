import { scope, type Tensor } from '../../engine/index.ts';
import { add } from '../pointwise/ops.ts';
import { type Geometry, PADDING_MODES } from './geometry.ts';
import {
  channelParts,
  floats,
  foldKernel,
  gradientKernel,
  inputKernel,
  launchProducts,
  type ParamValues,
  POINTS,
  TILE,
  WG,
} from './winograd-kernels.ts';

/** Longest sum of tiles in one part: partial sums stay short, so that rounding grows with the parts, not the tiles. */
const PART_TILES = 1024;
/** Bytes of transformed pixels and gradients that one part may take. */
const PART_BYTES = 2 ** 25;

function paramsOf(g: Geometry, { firstChannel, rows }: ReturnType<typeof channelParts>[number]): ParamValues {
  const { n, c, k, h, w, oH, oW } = g;
  const [tilesY, tilesX] = [Math.ceil(oH / TILE), Math.ceil(oW / TILE)];
  const tiles = n * tilesY * tilesX;
  const width = Math.ceil(c / 4) * 4;
  const fitting = Math.floor(PART_BYTES / (4 * POINTS * (width + rows)));
  const parts = Math.ceil(tiles / Math.max(WG, Math.min(fitting, PART_TILES)));
  const columns = Math.ceil(tiles / parts);
  return {
    ...{ inChannels: c, outChannels: k, h, w, oH, oW, tilesY, tilesX, tiles, startTile: 0, columns },
    ...{ byTile: 1, width, terms: columns, firstChannel, rows, startRow: 0, endRow: rows },
    ...{ windowY: -g.top, windowX: -g.left, padMode: PADDING_MODES.indexOf(g.mode) },
    ...{ weightOut: 0, weightIn: 0, flipY: 0, flipX: 0, curve: 0, slope: 0, scale: 1, grid: 0, inverseGrid: 0 },
  };
}

/**
 * Appends the dispatches of the weight gradient of a 3×3 convolution of steps 1 and one group: the transpose of
 * `launchWinograd` in its weight.
 *
 *     dw[k, c] = Gᵀ · [Σ_t (A · dy[k] · Aᵀ) ⊙ (Bᵀ · x[c] · B)] · G      over all tiles t of 4 × 4 results
 *
 * Tiles are summed in parts, and the parts in their order; output channels come in parts, too.
 *
 * @see Lavin and Gray 2016, arXiv:1509.09308
 */
export function launchWinogradWeightGrad(tensors: Record<'x' | 'dy' | 'dw', Tensor>, g: Geometry): void {
  for (const part of channelParts(g.k, g.c)) launchPart(tensors, paramsOf(g, part));
}

function launchPart({ x, dy, dw }: Record<'x' | 'dy' | 'dw', Tensor>, params: ParamValues): void {
  const { rows, width, columns, tiles } = params;
  scope(() => {
    const { device } = x;
    const dm = floats(device, POINTS, columns, rows);
    const v = floats(device, POINTS, columns, width);
    let du: Tensor | undefined;
    for (let startTile = 0; startTile < tiles; startTile += columns) {
      const part = { ...params, startTile };
      gradientKernel.launch({ dy, dm }, part, { WG });
      inputKernel.launch({ x, v }, part, { WG });
      const m = floats(device, POINTS, rows, width);
      launchProducts({ u: dm, v, m }, part);
      du = du ? sumAndFree(du, m) : m;
    }
    foldKernel.launch({ du, dw }, params, { WG });
  });
}

function sumAndFree(a: Tensor, b: Tensor): Tensor {
  const sum = add(a, b);
  a.dispose();
  b.dispose();
  return sum;
}
