import { type BlockSpec, type CapVstnetConfig, planOf } from './config.ts';

/** What an element sees: the one at index i of a tensor at scale s depends on pixels s·i − before … s·i + after. */
interface Reach {
  readonly before: number;
  readonly after: number;
}

/** Of a constant. */
const NOTHING: Reach = { before: Number.NEGATIVE_INFINITY, after: Number.NEGATIVE_INFINITY };
const ITSELF: Reach = { before: 0, after: 0 };

const widen = ({ before, after }: Reach, by: number): Reach => ({ before: before + by, after: after + by });
const union = (a: Reach, b: Reach): Reach => ({
  before: Math.max(a.before, b.before),
  after: Math.max(a.after, b.after),
});
/** Element i at 2s holds elements 2i and 2i + 1 at s. */
const squeezed = ({ before, after }: Reach, s: number): Reach => ({ before, after: after + s });
/** Elements 2i and 2i + 1 at s come from element i at 2s. */
const unsqueezed = ({ before, after }: Reach, s: number): Reach => ({ before: before + s, after });
/** Through F: three 3×3 convolutions at scale s, or one with stride 2 at s and two at 2s. */
const residual = (x2: Reach, { stride }: BlockSpec, s: number): Reach => widen(x2, (stride === 2 ? 5 : 3) * s);

/**
 * The halo of a tile: by how many pixels its sides must exceed its core, so that neither encoding nor decoding of the
 * core sees where the tile was cut. Follows what each block sees; 240 for both published networks, of which the
 * encoder needs 231 and the decoder 237.
 *
 * @returns  pixels, a multiple of the plan's `multiple`
 */
export function haloOf(config: CapVstnetConfig): number {
  const { before, after } = union(encoderReach(config), decoderReach(config));
  const { multiple } = planOf(config);
  return Math.ceil(Math.max(before, after) / multiple) * multiple;
}

/** What an element of the latent sees of the picture. */
export function encoderReach(config: CapVstnetConfig): Reach {
  const { blocks, refinement } = planOf(config);
  let [x1, x2] = [ITSELF, NOTHING]; // the second half begins as zeros
  let s = 1;
  for (const block of [...blocks, ...refinement]) {
    const f = residual(x2, block, s);
    if (block.stride === 2) {
      [x1, x2] = [squeezed(x1, s), squeezed(x2, s)];
      s *= 2;
    }
    [x1, x2] = [x2, union(x1, f)];
  }
  let z = union(x1, x2);
  for (let step = 0; step < config.spSteps; step++) z = unsqueezed(z, (s /= 2));
  return z;
}

/** What a pixel of the decoded picture sees of the latent, in pixels of the picture. */
export function decoderReach(config: CapVstnetConfig): Reach {
  const { blocks, refinement, latentScale } = planOf(config);
  let s = latentScale;
  let z = ITSELF;
  for (let step = 0; step < config.spSteps; step++, s *= 2) z = squeezed(z, s);
  let [o0, o1] = [z, z];
  for (const block of [...blocks, ...refinement].reverse()) {
    if (block.stride === 1) {
      [o0, o1] = [union(o1, residual(o0, block, s)), o0];
      continue;
    }
    s /= 2;
    const x2 = unsqueezed(o0, s);
    [o0, o1] = [unsqueezed(union(o1, residual(x2, block, s)), s), x2];
  }
  return o0;
}
