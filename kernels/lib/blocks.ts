/** A block size that a kernel offers, and the time of one block in any unit. */
export interface BlockSize {
  readonly size: number;
  readonly time: number;
}

/** Rows start … end−1, in blocks of one size: one dispatch. */
export interface Run {
  readonly size: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts `count` rows into at most two dispatches: full blocks of the first size, and what is left over in blocks of the
 * size that takes least time for it. Twenty channels in blocks of 16 alone would waste 12 of 32.
 */
export function cutRows(count: number, sizes: readonly BlockSize[]): Run[] {
  const [{ size }] = sizes;
  const full = count - (count % size);
  if (full === count) return [{ size, start: 0, end: count }];
  const timeOf = (block: BlockSize) => Math.ceil((count - full) / block.size) * block.time;
  const best = sizes.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a));
  if (best.size === size) return [{ size, start: 0, end: count }];
  const rest = { size: best.size, start: full, end: count };
  return full > 0 ? [{ size, start: 0, end: full }, rest] : [rest];
}
