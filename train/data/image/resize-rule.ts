/** CAP-VSTNet's sizes: what the original tool does to a picture before the network sees it. */

/** The size of the picture after each of the two resizings. */
export interface ResizeRule {
  /** after the reduction to the largest side */
  readonly reduced: { readonly width: number; readonly height: number };
  /** after rounding down to a multiple: the final size */
  readonly width: number;
  readonly height: number;
}

/**
 * The original's `img_resize`: a picture whose larger side exceeds `maxSize` is reduced to it (both sides truncated,
 * computed as (side / larger) · maxSize in double precision, in this order), then both sides are rounded down to a
 * multiple of `downScale`. Never enlarges. A side below `downScale` becomes 0: the caller says what to do then.
 *
 * @param width, height  pixels
 * @param maxSize        pixels; 1280 in the original. Infinity for no reduction
 * @param downScale      4: two squeezes
 */
export function imgResizeRule(width: number, height: number, maxSize: number, downScale: number): ResizeRule {
  const larger = Math.max(width, height);
  const reduced =
    larger > maxSize
      ? { width: Math.trunc((width / larger) * maxSize), height: Math.trunc((height / larger) * maxSize) }
      : { width, height };
  const floor = (side: number) => Math.floor(side / downScale) * downScale;
  return { reduced, width: floor(reduced.width), height: floor(reduced.height) };
}
