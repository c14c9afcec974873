/** Whether a device can store tensors as a command asks for it. */
import { type Device, NoDeviceError } from '../engine/index.ts';

/** @throws NoDeviceError for f16 where the device has no 16-bit floats */
export function checkPrecision(precision: 'f32' | 'f16' | undefined, { capabilities, info }: Device): void {
  if (precision !== 'f16' || capabilities.f16) return;
  throw new NoDeviceError(
    `--precision f16: expected a device with 16-bit floats (shader-f16), but ${info.description} has none. ` +
      'Leave --precision out, or choose another with --device; miaobi devices lists what each can do.',
  );
}
