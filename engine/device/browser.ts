import { NoDeviceError } from '../errors.ts';
import { type AcquireOptions, deviceOf } from './acquire.ts';
import type { Device } from './device.ts';

/** Acquires a device in a browser. @throws NoDeviceError where WebGPU is missing or no adapter suits */
export async function acquireDevice(options: AcquireOptions = {}): Promise<Device> {
  if (!navigator.gpu) {
    throw new NoDeviceError(
      'This browser has no WebGPU. Use a recent Chrome, Edge, Safari or Firefox, over https or localhost.',
    );
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new NoDeviceError('WebGPU found no adapter. Check that hardware acceleration is on.');
  return deviceOf(adapter, options);
}
