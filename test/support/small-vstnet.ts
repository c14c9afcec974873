import { type Device, type DType, leaves, type Tree } from '../../engine/index.ts';
import { type CapVstnetConfig, planOf } from '../../models/cap-vstnet/config.ts';
import type { CapVstnet, PlanarPicture } from '../../models/cap-vstnet/latent.ts';
import { initialParameters, type ParameterSource, parametersFrom } from '../../models/cap-vstnet/parameters.ts';

const shared = { inChannel: 3, mult: 4 };

/** Networks with the parts of the published ones and a small receptive field. */
export const SMALL = {
  /** one squeeze, latent as large as the picture */
  photo: { ...shared, nBlocks: [2, 2], nStrides: [1, 2], nChannels: [4, 16], hiddenDim: 4, spSteps: 1 },
  /** one squeeze, latent half as large */
  art: { ...shared, nBlocks: [2, 2], nStrides: [1, 2], nChannels: [4, 16], hiddenDim: 16, spSteps: 0 },
  /** two squeezes */
  deep: { ...shared, nBlocks: [2, 2, 1], nStrides: [1, 2, 2], nChannels: [4, 16, 64], hiddenDim: 4, spSteps: 2 },
} satisfies Record<string, CapVstnetConfig>;

/** A network on a device, with untrained weights unless `source` gives others. */
export function smallNet(
  device: Device,
  config: CapVstnetConfig,
  { dtype = 'f32', source = initialParameters(3) }: { dtype?: DType; source?: ParameterSource } = {},
): CapVstnet {
  return { device, config, plan: planOf(config), params: parametersFrom(device, config, source, dtype) };
}

export function freeNet({ params }: CapVstnet): void {
  for (const [, leaf] of leaves(params as unknown as Tree)) leaf.dispose();
}

/** Smooth colours with grain, different in every channel. */
export function planarScene(width: number, height: number, seed: number): PlanarPicture {
  const planar = new Float32Array(3 * width * height);
  let state = seed;
  for (let c = 0, at = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const wave = Math.sin(0.11 * (x + seed) * (c + 1)) + Math.cos(0.17 * y - 0.05 * x * seed);
        planar[at] = 0.4 + 0.05 * (seed % 5) + 0.12 * wave + 0.1 * (state / 2 ** 32);
      }
    }
  }
  return { planar, width, height };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
