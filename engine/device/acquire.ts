import { NoDeviceError } from '../errors.ts';
import type { Siblings } from './compile-ahead.ts';
import { type AdapterInfo, type Capabilities, Device, type SubgroupMatrixConfig } from './device.ts';

export interface AcquireOptions {
  /** other devices of the adapter, to compile on */
  siblings?: Siblings | undefined;
  budgetBytes?: number;
  poison?: boolean;
  debug?: boolean;
  /** variants of kernels to use where they can run; in Node by default those that MIAOBI_KERNELS names */
  kernels?: string | undefined;
  /** no optional feature: which variants do without them is then seen */
  plainFeatures?: boolean;
  /** as the adapter was asked for; browsers check always */
  boundsChecks?: boolean;
  /** WebGPU's default limits: what every kernel must be correct at unless its definition has `needs` */
  plainLimits?: boolean;
}

const WANTED_FEATURES = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as const;

const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** Fields that Dawn reports beyond the standard's. */
type DawnAdapterInfo = GPUAdapterInfo & {
  isFallbackAdapter?: boolean;
  subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig>;
};

/** Makes the engine's device of an adapter, with every limit and feature that the kernels can use. */
export async function deviceOf(adapter: GPUAdapter, options: AcquireOptions = {}): Promise<Device> {
  const info = describe(adapter);
  const gpu = await gpuOf(adapter, options);
  return new Device(gpu, { info, capabilities: capabilitiesOf(adapter, gpu, info, options), ...options });
}

/** WebGPU's device of an adapter, the same for the same options. */
export async function gpuOf(adapter: GPUAdapter, options: AcquireOptions): Promise<GPUDevice> {
  const features = options.plainFeatures ? [] : WANTED_FEATURES.filter((name) => adapter.features.has(name));
  const requiredLimits: Record<string, number> = {};
  if (!options.plainLimits) {
    for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name];
  }
  try {
    return await adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
  } catch (error) {
    const { description } = describe(adapter);
    throw new NoDeviceError(`${description}: the adapter gave no device (${(error as Error).message}).`);
  }
}

export function describe(adapter: GPUAdapter): AdapterInfo {
  const { vendor, architecture, device, description } = adapter.info;
  const fallback = (adapter.info as DawnAdapterInfo).isFallbackAdapter === true;
  const software = fallback || /llvmpipe|swiftshader|softpipe|basic render/i.test(`${device} ${description}`);
  // browsers tell no more than a vendor and an architecture
  const name = description || device || `${vendor} ${architecture}`.trim();
  return { vendor, architecture, device, description: name, software };
}

/** Width to ask for where it varies: what GPUs that let one choose (Intel's, AMD's) have in common. */
const COMMON_WIDTH = 32;

function widthOf({ subgroupMinSize: min = 0, subgroupMaxSize: max = 0 }: GPUAdapterInfo, { features }: GPUDevice) {
  if (!features.has('subgroups')) return { subgroupWidth: 0, asksForWidth: false };
  if (min === max) return { subgroupWidth: min, asksForWidth: false };
  const asks = features.has('subgroup-size-control') && min <= COMMON_WIDTH && max >= COMMON_WIDTH;
  return { subgroupWidth: asks ? COMMON_WIDTH : 0, asksForWidth: asks };
}

function capabilitiesOf(
  adapter: GPUAdapter,
  gpu: GPUDevice,
  info: AdapterInfo,
  { boundsChecks = true }: AcquireOptions,
): Capabilities {
  const { subgroupMatrixConfigs } = adapter.info as DawnAdapterInfo;
  const subgroups = gpu.features.has('subgroups');
  const matrix = gpu.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName);
  return {
    f16: gpu.features.has('shader-f16'),
    subgroups,
    ...widthOf(adapter.info, gpu),
    timestamps: gpu.features.has('timestamp-query'),
    subgroupMatrix: matrix && subgroupMatrixConfigs ? [...subgroupMatrixConfigs] : [],
    software: info.software,
    boundsChecks,
    maxWorkgroupBytes: gpu.limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupSize: gpu.limits.maxComputeInvocationsPerWorkgroup,
    maxBindingBytes: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
    maxStorageBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
  };
}
