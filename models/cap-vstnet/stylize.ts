import type { Statistics } from '../../kernels/index.ts';
import { affineMap } from './cwct-host.ts';
import type { CapVstnet, PlanarPicture } from './latent.ts';
import { type MatchedMasks, matchMasks } from './masks.ts';
import { decodePicture, encodePicture, measurePicture, roomMaker, type Work } from './passes.ts';
import type { LabelMap } from './regions.ts';
import { planStylize } from './stylize-plan.ts';
import { area, type Size } from './tiles.ts';

export interface StyleInput {
  readonly picture: PlanarPicture;
  /** share among the styles; they should sum to 1 */
  readonly weight: number;
  /** labels of the style picture, any size */
  readonly mask?: LabelMap | undefined;
}

export interface TransferOptions {
  /** share of the content's own statistics in the result: 0 is the style alone, 1 gives the content back */
  readonly alphaContent?: number;
  /** labels of the content picture, any size; every style then needs a mask, too */
  readonly mask?: LabelMap | undefined;
  /** takes the statistics of the content, of each region, and says which to use instead: those of a film, smoothed */
  readonly contentStatistics?: ((found: readonly Statistics[]) => readonly Statistics[]) | undefined;
  /** hears the share of the work that is done, from 0 to 1 */
  readonly onProgress?: (done: number) => void;
}

export interface StylizeOptions extends TransferOptions {
  /** largest side of a tile in pixels, halo included; by default the picture is cut only where it must be */
  readonly tile?: number | undefined;
}

/** Repaints one picture after another in the same styles. */
export type Stylizer = (content: PlanarPicture, options?: TransferOptions) => Promise<Float32Array>;

/**
 * Repaints a picture with the statistics of others: encode, cWCT, decode. Tiled or not, statistics are those of the
 * whole picture.
 *
 * @param content  [3, H, W] of any size; the result has the same
 * @param styles   at least one, of any sizes
 * @returns        [3, H, W] in planes, not clamped
 * @throws ShapeError for a picture under 2 pixels a side; LimitError, OutOfMemoryError when not even small tiles fit
 * @throws StatisticsError when masks are missing, or the latents are not finite
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867
 */
export function stylize(
  net: CapVstnet,
  content: PlanarPicture,
  styles: readonly StyleInput[],
  options: StylizeOptions = {},
): Promise<Float32Array> {
  return stylizer(net, styles, options.tile)(content, options);
}

/** As `stylize` for many pictures: without masks, styles are encoded for the first and remembered for the rest. */
export function stylizer(net: CapVstnet, styles: readonly StyleInput[], tile?: number): Stylizer {
  const roomFor = roomMaker(net);
  let remembered: Statistics[][] | undefined;

  const measureStyles = async (work: Work, masks: MatchedMasks | undefined) => {
    const found: Statistics[][] = [];
    for (const [k, { picture }] of styles.entries()) {
      found.push(await measurePicture(work, picture, planStylize(net, picture, tile), masks?.styles[k]));
    }
    return found;
  };

  return async (content, { alphaContent, mask, contentStatistics, onProgress } = {}) => {
    const plan = planStylize(net, content, tile);
    const { height, width } = content;
    const sizes = styles.map(({ picture, mask: own }) => ({ height: picture.height, width: picture.width, mask: own }));
    const masks = matchMasks(net, { height, width, mask }, sizes);
    const passes = [...(remembered && !masks ? [] : sizes), content, content];
    const work = { net, roomFor, onPixels: progressOver(passes, onProgress) };
    const others = (masks ? undefined : remembered) ?? (await measureStyles(work, masks));
    if (!masks) remembered = others;
    const { latent, statistics } = await encodePicture(work, content, plan, masks?.content);
    try {
      const maps = (contentStatistics?.(statistics) ?? statistics).map((own, r) => {
        const mixed = styles.map(({ weight }, k) => ({ statistics: others[k][r], weight }));
        return affineMap(own, mixed, net.plan.latentChannels, { alphaContent });
      });
      return await decodePicture(work, content, plan, latent, { maps, regions: masks?.content });
    } finally {
      if (!(latent.values instanceof Float32Array)) latent.values.dispose();
    }
  };
}

/** Turns finished pixels of the passes into a share of all of them. */
function progressOver(passes: readonly Size[], report: ((done: number) => void) | undefined): Work['onPixels'] {
  const total = passes.reduce((sum, size) => sum + area(size), 0);
  let done = 0;
  return (pixels) => {
    done += pixels;
    report?.(Math.min(1, done / total));
  };
}
