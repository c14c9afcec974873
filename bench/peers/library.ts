import type { Device } from '../../engine/index.ts';
import type { Inputs, Work } from './cases.ts';

/** One work in one library, with its inputs on the GPU. */
export interface Prepared {
  /** does the work so many times, and waits once, until the GPU is done with all of it */
  run(times: number): Promise<void>;
  /** does it once more: its values in the order of [N, C, H, W], those of several tensors one after another */
  result(): Promise<Float32Array>;
  dispose(): void;
}

export interface Library {
  readonly name: string;
  readonly version: string;
  /** @returns a reason where the library has nothing for it */
  prepare(work: Work, inputs: Inputs): Promise<Prepared | string>;
}

export type Load = (device: Device) => Promise<Library>;

/** Axes [N, C, H, W] → [N, H, W, C] of four extents. */
export const CHANNELS_LAST = [0, 2, 3, 1] as const;
/** [N, H, W, C] → [N, C, H, W] */
export const CHANNELS_SECOND = [0, 3, 1, 2] as const;

/** The values of a tensor of four axes with its axes in another order: axis i of the result is axis `order[i]`. */
export function transpose(
  data: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): { data: Float32Array<ArrayBuffer>; shape: number[] } {
  const strides = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
  const extents = order.map((axis) => shape[axis]);
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]);
  const out = new Float32Array(data.length);
  let i = 0;
  for (let a = 0; a < extents[0]; a++)
    for (let b = 0; b < extents[1]; b++)
      for (let c = 0; c < extents[2]; c++)
        for (let d = 0; d < extents[3]; d++) out[i++] = data[a * s0 + b * s1 + c * s2 + d * s3];
  return { data: out, shape: extents };
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
