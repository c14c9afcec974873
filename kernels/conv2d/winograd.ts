import { scope } from '../../engine/index.ts';
import { activationCode } from '../lib/activation.ts';
import { lanesFor } from '../lib/lanes.ts';
import type { Gather } from './gather.ts';
import type { Epilogue, GatherTensors } from './gather-params.ts';
import { PADDING_MODES } from './geometry.ts';
import {
  inputKernel,
  lanesOfPixels,
  outputKernel,
  type ParamValues,
  POINTS,
  pixelsKernel,
  resultsKernel,
  TILE,
  WG,
  weightsKernel,
} from './winograd-kernels.ts';
import { channelParts, floats, multiply, multiplyOnLanes, type Passes, passesFor } from './winograd-products.ts';

type Part = ReturnType<typeof channelParts>[number];

function paramsOf(g: Gather, epilogue: Epilogue, passes: Passes, { firstChannel, rows }: Part): ParamValues {
  const { curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const { scale, grid } = epilogue;
  const { inChannels, outChannels, h, w, oH, oW, weightOut, weightIn } = g;
  const [tilesY, tilesX] = [Math.ceil(oH / TILE), Math.ceil(oW / TILE)];
  const tiles = g.n * tilesY * tilesX;
  const columns = tilesOfPart(passes, tiles, inChannels, rows);
  return {
    inChannels,
    outChannels,
    h,
    w,
    oH,
    oW,
    tilesY,
    tilesX,
    tiles,
    startTile: 0,
    columns,
    byTile: 0,
    width: columns,
    terms: inChannels,
    firstChannel,
    rows,
    startRow: 0,
    endRow: rows,
    windowY: g.originY + Math.min(0, 2 * g.tapY),
    windowX: g.originX + Math.min(0, 2 * g.tapX),
    padMode: PADDING_MODES.indexOf(g.mode),
    weightOut,
    weightIn,
    flipY: g.tapY < 0 ? 1 : 0,
    flipX: g.tapX < 0 ? 1 : 0,
    curve,
    slope,
    scale,
    grid,
    inverseGrid: grid === 0 ? 0 : 1 / grid,
  };
}

/** Equal parts of the tiles that fit into the workspace: whole vectors on lanes, whole lines of a cache elsewhere. */
function tilesOfPart({ onLanes, tileBytes, step }: Passes, tiles: number, inChannels: number, rows: number): number {
  const bytes = tileBytes(4 * POINTS * inChannels * rows);
  const fitting = Math.floor(bytes / (4 * POINTS * (inChannels + rows)) / step) * step;
  const parts = Math.ceil(tiles / Math.max(step, fitting));
  const filled = onLanes ? 4 : step;
  return Math.ceil(tiles / parts / filled) * filled;
}

/**
 * Appends the dispatches of a 3×3 gather of steps 1 and one group: 36 products for 16 results of nine taps.
 *
 *     y = Aᵀ · [Σ_c (G · w[k, c] · Gᵀ) ⊙ (Bᵀ · x[c] · B)] · A      for every tile of 4 × 4 results
 *
 * Tiles and output channels come in parts, so that the workspace stays bounded.
 *
 * @see Lavin and Gray 2016, arXiv:1509.09308
 */
export function launchWinograd(tensors: GatherTensors, gather: Gather, epilogue: Epilogue): void {
  const passes = passesFor(tensors.x.device);
  for (const part of channelParts(passes, gather.outChannels, gather.inChannels)) {
    launchPart(tensors, paramsOf(gather, epilogue, passes, part), epilogue, passes);
  }
}

function launchPart(tensors: GatherTensors, params: ParamValues, epilogue: Epilogue, { onLanes }: Passes): void {
  const { x, weight, y, bias, residual } = tensors;
  const { inChannels, rows, columns, tiles } = params;
  const { CURVED } = activationCode(epilogue.activation, epilogue.slope);
  const flags = { HAS_BIAS: bias ? 1 : 0, HAS_RESIDUAL: residual ? 1 : 0, CURVED };
  scope(() => {
    const { device } = x;
    const u = floats(device, POINTS, inChannels, rows);
    const v = floats(device, POINTS, inChannels, columns);
    const m = floats(device, POINTS, rows, columns);
    weightsKernel.launch({ weight, u }, params, { WG });
    for (let startTile = 0; startTile < tiles; startTile += columns) {
      const part = { ...params, startTile };
      if (onLanes) {
        inputKernel.launch({ x, v }, part, { WG });
        multiplyOnLanes({ u, v, m }, part);
        outputKernel.launch({ m, y, bias, residual }, part, { WG, ...flags });
      } else {
        pixelsKernel[lanesOfPixels(part)].launch({ x, v }, part, { WG });
        multiply({ u, v, m }, { ...part, alongTerms: false });
        resultsKernel[lanesFor(part.oW)].launch({ m, y, bias, residual }, part, { WG, ...flags });
      }
    }
  });
}
