import { type Picture, peak } from './picture.ts';

/** Mean and standard deviation (population) of each colour, in [0, 1]. */
export function channelStatistics({ rgb, bitDepth }: Picture): { mean: number; deviation: number }[] {
  const max = peak(bitDepth);
  return [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let i = channel; i < rgb.length; i += 3) sum += rgb[i];
    const mean = (3 * sum) / rgb.length;
    let squares = 0;
    for (let i = channel; i < rgb.length; i += 3) squares += (rgb[i] - mean) ** 2;
    return { mean: mean / max, deviation: Math.sqrt((3 * squares) / rgb.length) / max };
  });
}
