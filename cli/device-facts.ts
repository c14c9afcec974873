/** What a device can do, in the words of the command line. */
import type { Device } from '../engine/index.ts';

export interface DeviceFacts {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** the processor does the work */
  readonly software: boolean;
  /** in short words: f16, subgroups of 8, timestamps, 16x16x16 matrices */
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** bytes of the largest tensor: one binding */
  readonly largestTensorBytes: number;
  /** bytes that the engine will use at most; absent where the driver decides */
  readonly budgetBytes?: number;
  readonly fits: readonly ModelFit[];
}

/** The largest square picture that a network takes without tiling. */
export interface ModelFit {
  readonly model: string;
  readonly side: number;
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

export function describeDevice(device: Device): DeviceFacts {
  const { info, capabilities, gpu, pool } = device;
  const features = [
    ...(capabilities.f16 ? ['f16'] : []),
    ...(capabilities.subgroups
      ? [`subgroups${capabilities.subgroupWidth ? ` of ${capabilities.subgroupWidth}` : ''}`]
      : []),
    ...(capabilities.timestamps ? ['timestamps'] : []),
    ...new Set(
      capabilities.subgroupMatrix.map((m) => `${m.M}x${m.N}x${m.K} ${m.componentType} to ${m.resultComponentType}`),
    ),
  ];
  return {
    name: info.description,
    vendor: info.vendor,
    architecture: info.architecture,
    software: info.software,
    features,
    limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.limits[name]])),
    largestTensorBytes: capabilities.maxBindingBytes,
    ...(Number.isFinite(pool.budgetBytes) ? { budgetBytes: pool.budgetBytes } : {}),
    fits: modelFits(capabilities.maxBindingBytes),
  };
}

/**
 * Which pictures go through a network in one piece; larger ones are tiled.
 *
 * CAP-VSTNet holds 32 channels of f32 for each pixel of the picture, at every scale (32 at full size, 128 at half,
 * 512 at a quarter), and sides must be multiples of 4.
 */
export function modelFits(largestTensorBytes: number): ModelFit[] {
  const side = Math.floor(Math.sqrt(largestTensorBytes / (32 * 4)) / 4) * 4;
  return [{ model: 'cap-vstnet', side }];
}
