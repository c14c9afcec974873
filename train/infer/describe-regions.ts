/** What a masked transfer will do, in words. */
import type { CapVstnet } from '../../models/cap-vstnet/latent.ts';
import { type MaskedSize, type MatchedMasks, matchMasks } from '../../models/cap-vstnet/masks.ts';
import { MASK_PALETTE } from '../../models/cap-vstnet/segment.ts';
import { DataError } from '../errors.ts';

/**
 * One line that says which colours of the content's mask are repainted, and why the others are not; undefined where
 * nothing has a mask.
 *
 * @throws DataError when no colour can be repainted
 */
export function describeRegions(
  net: Pick<CapVstnet, 'plan'>,
  content: MaskedSize,
  styles: readonly MaskedSize[],
): string | undefined {
  const masks = matchMasks(net, content, styles);
  if (!masks) return undefined;
  const [ofFirst] = masks.matches;
  const total = ofFirst.reduce((sum, match) => sum + match.content, 0);
  const painted: string[] = [];
  const kept: string[] = [];
  for (const { label, content: pixels } of ofFirst) {
    const region = `${colourOf(label)} (${percent(pixels / total)})`;
    if (masks.content.labels.includes(label)) painted.push(region);
    else kept.push(`${region}, ${whyKept(label, masks)}`);
  }
  if (painted.length === 0) {
    throw new DataError(
      'Masks: expected a colour that covers more than 10 pixels of the content and of each style, but there is none: ' +
        `${kept.join('; ')}. Paint regions that belong together in the same colour.`,
    );
  }
  return `regions repainted: ${painted.join(', ')}${kept.length > 0 ? `; kept as they are: ${kept.join('; ')}` : ''}`;
}

function whyKept(label: number, { matches }: MatchedMasks): string {
  const all = matches.flatMap((ofStyle) => ofStyle.filter((match) => match.label === label));
  if (all.some(({ style }) => style === 0)) return "which a style's mask lacks";
  const most = Math.max(...all.map(({ content, style }) => Math.max(content / style, style / content)));
  return most >= 100 ? 'which is 100 times smaller on one side' : 'which has too few pixels';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function colourOf(label: number): string {
  return MASK_PALETTE.find((entry) => entry.label === label)?.name ?? `label ${label}`;
}
