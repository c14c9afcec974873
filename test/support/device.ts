import { acquireDevice, type NodeAcquireOptions } from '../../engine/device/node.ts';
import type { Device } from '../../engine/index.ts';

let shared: Promise<Device> | undefined;

/** One device a test file, with its pool poisoned. `MIAOBI_DEVICE` names another adapter. */
export function testDevice(options: NodeAcquireOptions = {}): Promise<Device> {
  shared ??= acquireDevice({ device: process.env.MIAOBI_DEVICE, poison: true, debug: true, ...options });
  return shared;
}
