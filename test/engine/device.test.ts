import { describe, expect, it, vi } from 'vitest';
import { acquireDevice, listAdapters } from '../../engine/device/node.ts';
import {
  DeviceLostError,
  DTypeError,
  empty,
  GpuValidationError,
  NoDeviceError,
  scope,
  tensor,
} from '../../engine/index.ts';
import { add, matmul } from '../../kernels/index.ts';
import { forceVariants } from '../../kernels/lib/variant.ts';

const device = process.env.MIAOBI_DEVICE;
const failure = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected a rejection');
};

describe('acquiring a device', () => {
  it('takes an adapter by a part of its name, and by its backend', async () => {
    const [{ name, backend }] = await listAdapters();
    const part = name.split(/[ (]/)[0];
    const byName = await acquireDevice({ device: part });
    expect(`${byName.info.description} ${byName.info.device}`).toContain(part);
    const byBackend = await acquireDevice({ backend: backend as 'vulkan' });
    expect(byBackend.info.description).not.toBe('');
    byName.destroy();
    byBackend.destroy();
  });

  it('lists the adapters that there are when none has the name', async () => {
    const error = await failure(acquireDevice({ device: 'GeForce 9999' }));
    expect(error).toBeInstanceOf(NoDeviceError);
    const [{ name }] = await listAdapters();
    expect(error.message).toContain('--device GeForce 9999: no adapter matches');
    expect(error.message).toContain(name);
    expect(error.message).toContain('miaobi devices');
  });

  it('names the backend when it is not there', async () => {
    const absent = process.platform === 'darwin' ? 'd3d12' : 'metal';
    const error = await failure(acquireDevice({ backend: absent }));
    expect(error).toBeInstanceOf(NoDeviceError);
    expect(error.message).toContain(`--backend ${absent}: expected an adapter of this backend`);
  });

  it('asks for the features and limits that the adapter has', async () => {
    const rich = await acquireDevice({ device });
    const { capabilities, gpu } = rich;
    expect(capabilities.f16).toBe(gpu.features.has('shader-f16'));
    expect(capabilities.timestamps).toBe(gpu.features.has('timestamp-query'));
    expect(capabilities.maxWorkgroupBytes).toBe(gpu.limits.maxComputeWorkgroupStorageSize);
    if (capabilities.subgroupWidth > 0) expect(Math.log2(capabilities.subgroupWidth) % 1).toBe(0);
    const plain = await acquireDevice({ device, plainFeatures: true, plainLimits: true });
    expect(plain.capabilities).toMatchObject({
      ...{ f16: false, subgroups: false, subgroupWidth: 0, timestamps: false, subgroupMatrix: [] },
      ...{ maxWorkgroupBytes: 16384, maxWorkgroupSize: 256, maxBindingBytes: 2 ** 27, maxStorageBuffers: 8 },
    });
    expect(capabilities.maxStorageBuffers).toBeGreaterThanOrEqual(8);
    rich.destroy();
    plain.destroy();
  });

  it('offers every feature on the null backend, where shaders compile and nothing runs', async () => {
    const none = await acquireDevice({ device: 'null' });
    expect(none.capabilities.f16).toBe(true);
    expect(none.capabilities.subgroups).toBe(true);
    expect(none.gpu.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName)).toBe(true);
    // its subgroups have 4 to 128 lanes
    expect(none.capabilities).toMatchObject({ subgroupWidth: 32, asksForWidth: true });
    none.destroy();
  });

  it('asks for the width of subgroups where that varies', async () => {
    const own = await acquireDevice({ device });
    const { subgroups, subgroupWidth } = own.capabilities;
    if (!subgroups || !own.gpu.features.has('subgroup-size-control' as GPUFeatureName)) return own.destroy();
    Object.assign(own.capabilities, { asksForWidth: true });
    const create = vi.spyOn(own.gpu, 'createShaderModule');
    forceVariants('matmul=lanes');
    const a = tensor(own, [1, 2, 3, 4], [2, 2]);
    const y = scope(() => matmul(a, a));
    expect(Array.from(await y.data())).toEqual([7, 10, 15, 22]);
    forceVariants(undefined);
    const [{ code }] = create.mock.calls[0];
    expect(code).toContain(`const SG: u32 = ${subgroupWidth}u;`);
    expect(code).toContain('@compute @subgroup_size(SG) @workgroup_size(');
    for (const t of [a, y]) t.dispose();
    own.destroy();
  });

  it('refuses f16 tensors where shaders have no f16', async () => {
    const plain = await acquireDevice({ device, plainFeatures: true });
    expect(() => empty(plain, { shape: [2], dtype: 'f16' })).toThrow(DTypeError);
    expect(() => empty(plain, { shape: [2], dtype: 'f16' })).toThrow(/shader-f16.*--precision f32/);
    plain.destroy();
  });
});

describe('a device that is gone', () => {
  it('fails the next await, and every one after it', async () => {
    const lost = await acquireDevice({ device });
    const x = tensor(lost, [1, 2], [2]);
    expect([...(await scope(() => add(x, x)).data())]).toEqual([2, 4]);
    lost.destroy();
    for (const use of [() => lost.flush(), () => x.data(), () => lost.finish(), () => scope(() => add(x, x)).data()]) {
      const error = await failure(use());
      expect(error).toBeInstanceOf(DeviceLostError);
      expect(error.message).toMatch(/GPU device was lost \(destroyed.*--resume/);
    }
  });

  it('fails a read that is under way', async () => {
    const lost = await acquireDevice({ device });
    const x = tensor(lost, [1, 2], [2]);
    const reading = failure(x.data());
    lost.destroy();
    expect(await reading).toBeInstanceOf(DeviceLostError);
  });
});

describe('an error that no scope caught', () => {
  it('fails the next await that waits for the GPU, once', async () => {
    const checked = await acquireDevice({ device });
    const x = tensor(checked, [1, 2], [2]);
    await checked.finish();
    const buffer = x.storage.buffer.gpu as GPUBuffer;
    checked.recorder.copy({ from: buffer, fromOffset: 0, to: buffer, toOffset: 2 ** 20, bytes: 4 });
    const error = await failure(checked.finish());
    expect(error).toBeInstanceOf(GpuValidationError);
    expect(error.message).toContain('CopyBufferToBuffer');
    await checked.finish();
    expect([...(await x.data())]).toEqual([1, 2]);
    checked.destroy();
  });
});
