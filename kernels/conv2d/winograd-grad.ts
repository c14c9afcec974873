import { scope, type Tensor } from '../../engine/index.ts';
import { lanesFor } from '../lib/lanes.ts';
import { mostSlots } from '../lib/tile.ts';
import { add } from '../pointwise/ops.ts';
import { type Geometry, PADDING_MODES } from './geometry.ts';
import {
  foldKernel,
  gradientKernel,
  gradientsKernel,
  inputKernel,
  lanesOfPixels,
  type ParamValues,
  POINTS,
  pixelsKernel,
  TILE,
  WG,
} from './winograd-kernels.ts';
import { channelParts, floats, multiply, multiplyOnLanes, type Passes, passesFor } from './winograd-products.ts';

/** Tiles of the longest sum: partial sums stay short, so that rounding grows with the parts, not the tiles. */
const LONGEST_SUM = 1024;

function paramsOf(
  g: Geometry,
  passes: Passes,
  { firstChannel, rows }: ReturnType<typeof channelParts>[number],
): ParamValues {
  const { n, c, k, h, w, oH, oW } = g;
  const [tilesY, tilesX] = [Math.ceil(oH / TILE), Math.ceil(oW / TILE)];
  const tiles = n * tilesY * tilesX;
  const width = passes.onLanes ? Math.ceil(c / 4) * 4 : c;
  const columns = tilesOfPart(passes, tiles, width, rows);
  return {
    inChannels: c,
    outChannels: k,
    h,
    w,
    oH,
    oW,
    tilesY,
    tilesX,
    tiles,
    startTile: 0,
    columns,
    byTile: 1,
    width,
    terms: columns,
    firstChannel,
    rows,
    startRow: 0,
    endRow: rows,
    windowY: -g.top,
    windowX: -g.left,
    padMode: PADDING_MODES.indexOf(g.mode),
    weightOut: 0,
    weightIn: 0,
    flipY: 0,
    flipX: 0,
    curve: 0,
    slope: 0,
    scale: 1,
    grid: 0,
    inverseGrid: 0,
  };
}

/** Equal parts of the tiles that fit into the workspace. Tiles of matrices sum a part in slots, as many as there is room for. */
function tilesOfPart({ onLanes, gradientTileBytes, step }: Passes, tiles: number, width: number, rows: number): number {
  const slots = onLanes ? 1 : Math.max(1, Math.floor(mostSlots({ rows, columns: width, batch: POINTS })));
  const fitting = Math.min(gradientTileBytes / (4 * POINTS * (width + rows)), slots * LONGEST_SUM);
  if (onLanes) return Math.ceil(tiles / Math.ceil(tiles / Math.max(step, Math.floor(fitting))));
  const parts = Math.ceil(tiles / Math.max(step, Math.floor(fitting / step) * step));
  return Math.ceil(tiles / parts / step) * step;
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
  const passes = passesFor(tensors.x.device);
  for (const part of channelParts(passes, g.k, g.c)) launchPart(tensors, paramsOf(g, passes, part), passes);
}

function launchPart({ x, dy, dw }: Record<'x' | 'dy' | 'dw', Tensor>, params: ParamValues, { onLanes }: Passes): void {
  const { rows, width, columns, tiles } = params;
  scope(() => {
    const { device } = x;
    const dm = floats(device, POINTS, columns, rows);
    const v = floats(device, POINTS, columns, width);
    let du: Tensor | undefined;
    for (let startTile = 0; startTile < tiles; startTile += columns) {
      const part = { ...params, startTile };
      const m = floats(device, POINTS, rows, width);
      if (onLanes) {
        gradientKernel.launch({ dy, dm }, part, { WG });
        inputKernel.launch({ x, v }, part, { WG });
        multiplyOnLanes({ u: dm, v, m }, part);
      } else {
        gradientsKernel[lanesFor(part.oW)].launch({ dy, dm }, part, { WG });
        pixelsKernel[lanesOfPixels(part)].launch({ x, v }, part, { WG });
        multiply({ u: dm, v, m }, { ...part, alongTerms: true, longest: LONGEST_SUM });
      }
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
