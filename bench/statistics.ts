/** What is reported of repeated measurements. */
export interface Summary {
  readonly median: number;
  readonly p95: number;
  readonly min: number;
  /** distance of the quartiles, as a share of the median */
  readonly spread: number;
  readonly runs: number;
  /** the values, from the smallest to the largest */
  readonly sorted: readonly number[];
}

export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  const spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median;
  return { median, p95: quantile(sorted, 0.95), min: sorted[0], spread, runs: sorted.length, sorted };
}

/** The value below which a share of the sorted values lies, by linear interpolation between neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}
