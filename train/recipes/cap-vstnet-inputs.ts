import { type Device, tensor } from '../../engine/index.ts';
import { planarBatch, type StylePairs } from '../data/datasets/style-pairs.ts';
import { drawMotion, secondFrame } from '../losses/motion.ts';
import type { CapVstnetInputs } from './cap-vstnet-losses.ts';

/** Stream of the synthetic motions, apart from those of the data. */
const MOTION_OP = 1 << 20;

/** Where a motion comes from: the run's seed and the number of the micro-batch. */
export interface MotionDraw {
  readonly seed: number;
  readonly draw: number;
}

/** Uploads a batch, and makes its second frames where a motion is drawn. */
export function inputsOf(device: Device, batch: StylePairs, motionDraw?: MotionDraw): CapVstnetInputs {
  const { batchSize, size, laplacian } = batch;
  const upload = (pixels: Uint8Array) => tensor(device, planarBatch(pixels, size * size), [batchSize, 3, size, size]);
  const content = upload(batch.content);
  const style = upload(batch.style);
  if (!motionDraw) return { content, style, laplacian };
  const motion = drawMotion({ seed: motionDraw.seed, step: motionDraw.draw, op: MOTION_OP }, size, size);
  return { content, style, laplacian, motion: { field: motion.field, second: secondFrame(content, motion) } };
}
