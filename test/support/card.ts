import { Device } from '../../engine/device/device.ts';

/** The same device under the name of a card: kernels choose for it what they choose for NVIDIA's. */
export function asCard({ gpu, info, capabilities }: Device): Device {
  return new Device(gpu, {
    info: { ...info, vendor: 'nvidia', device: 'nvidia-test', description: 'a card by name', software: false },
    capabilities: { ...capabilities, software: false, subgroupMatrix: [] },
  });
}
