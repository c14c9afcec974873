import { StatisticsError } from './cwct-host.ts';
import type { CapVstnet, Regions } from './latent.ts';
import { type LabelMap, planRegions } from './regions.ts';
import type { LabelMatch } from './segment.ts';
import { ceilSize, type Size } from './tiles.ts';

/** A picture's size, and its labels at any size. */
export interface MaskedSize extends Size {
  readonly mask?: LabelMap | undefined;
}

/** Regions to transfer, for the content and for each style, with the labels in the same order. */
export interface MatchedMasks {
  readonly content: Regions;
  readonly styles: readonly Regions[];
  /** for each style every label of the content with its pixel counts and the verdict */
  readonly matches: readonly (readonly LabelMatch[])[];
}

/**
 * Matches the labels of a content mask with those of each style's; a label counts where all styles have it.
 *
 * @returns  undefined when nothing has a mask
 * @throws StatisticsError when some have masks and others do not
 */
export function matchMasks(
  { plan: { latentScale } }: Pick<CapVstnet, 'plan'>,
  content: MaskedSize,
  styles: readonly MaskedSize[],
): MatchedMasks | undefined {
  const { mask } = content;
  if (!mask && styles.every((style) => !style.mask)) return undefined;
  const plans = styles.map((style) => {
    if (!mask || !style.mask) {
      throw new StatisticsError(
        'Masks: expected one for the content and one for each style, but some are missing. Give all or none.',
      );
    }
    return planRegions(mask, style.mask, ceilSize(content, latentScale), ceilSize(style, latentScale));
  });
  const labels = plans[0].labels.filter((label) => plans.every((plan) => plan.labels.includes(label)));
  return {
    content: { map: plans[0].content, labels },
    styles: plans.map(({ style: map }) => ({ map, labels })),
    matches: plans.map(({ matches }) => matches),
  };
}
