import { type Shape, sizeOf } from '../../engine/index.ts';
import type { Layout } from '../normalize/layout.ts';

/** Whose statistics normalise: those of one channel of one picture, or of one channel of the batch. */
export type SpadeNorm = 'instance' | 'batch';

/** x [N, C, H, W] as groups that are normalised together. */
export interface SpadeLayout extends Layout {
  readonly channels: number;
}

export function layoutOf(shape: Shape, norm: SpadeNorm): SpadeLayout {
  const [pictures, channels] = shape;
  const length = sizeOf(shape.slice(2));
  return norm === 'batch'
    ? { outer: pictures, groups: channels, length, channels }
    : { outer: 1, groups: pictures * channels, length, channels };
}
