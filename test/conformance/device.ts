/** The one GPU device that all cases of a run share, and the way results come back from it. */

import type { Device } from '../../engine/device/device.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { scope } from '../../engine/scope.ts';
import { type DType, type Tensor, tensor } from '../../engine/tensor.ts';
import { type Value, value } from './values.ts';

let shared: Promise<Device> | undefined;

/** Acquired when the first case needs it; MIAOBI_DEVICE chooses as `--device` does. */
export function sharedDevice(): Promise<Device> {
  shared ??= acquireDevice({ device: process.env.MIAOBI_DEVICE ?? 'auto' });
  return shared;
}

/** Lets the process end; a later case would acquire a new device. */
export async function closeSharedDevice(): Promise<void> {
  const device = await shared?.catch(() => undefined);
  shared = undefined;
  device?.destroy();
}

/** Uploads a host value. */
export function upload(device: Device, { data, shape }: Value, dtype: DType = 'f32'): Tensor {
  return tensor(device, data, shape, dtype);
}

/** Runs `fn` in a scope, reads every tensor that it returns, and frees them all. */
export async function compute<K extends string>(fn: (device: Device) => Record<K, Tensor>): Promise<Record<K, Value>> {
  const device = await sharedDevice();
  const tensors = scope(() => fn(device));
  try {
    const read: [string, Value][] = [];
    for (const [name, result] of Object.entries<Tensor>(tensors)) {
      read.push([name, value(result.shape, await result.data())]);
    }
    return Object.fromEntries(read) as Record<K, Value>;
  } finally {
    for (const result of Object.values<Tensor>(tensors)) result.dispose();
  }
}
