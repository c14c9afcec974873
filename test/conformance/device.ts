/** The one GPU device that all cases of a run share, and the way results come back from it. */

import type { Device } from '../../engine/device/device.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Tensor, tensor } from '../../engine/tensor.ts';
import { type Value, value } from './values.ts';

let shared: Promise<Device> | undefined;

/** Acquired when the first case needs it, its pool poisoned with NaN; MIAOBI_DEVICE chooses as `--device` does. */
export function sharedDevice(): Promise<Device> {
  shared ??= acquireDevice({ device: process.env.MIAOBI_DEVICE ?? 'auto', poison: true });
  return shared;
}

/** Lets the process end; a later case would acquire a new device. */
export async function closeSharedDevice(): Promise<void> {
  const device = await shared?.catch(() => undefined);
  shared = undefined;
  device?.destroy();
}

/** Uploads values, hands them to `use`, and frees them. */
export async function withTensors<R>(values: readonly Value[], use: (tensors: Tensor[]) => Promise<R>): Promise<R> {
  const device = await sharedDevice();
  const tensors = values.map(({ data, shape }) => tensor(device, data, shape));
  try {
    return await use(tensors);
  } finally {
    for (const t of tensors) t.dispose();
  }
}

/** Reads a tensor back and frees it. */
export async function take(t: Tensor): Promise<Value> {
  try {
    return value(t.shape, await t.data());
  } finally {
    t.dispose();
  }
}
