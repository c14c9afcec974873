import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runModule } from '../support/child.ts';

const BUSY = `
  import { acquireDevice } from './engine/device/node.ts';
  import { scope, tensor } from './engine/index.ts';
  import { add, mul } from './kernels/index.ts';
  const device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
  const x = tensor(device, new Float32Array(1 << 18).fill(1), [1 << 18]);
  const work = () => scope(() => { let h = x; for (let i = 0; i < 30; i++) h = add(mul(h, x), x); return h; });
  console.log('started');`;

describe('a process', () => {
  it.concurrent.each([
    ['with everything awaited ends with 0', 'await work().data();', 0],
    ['with work and a read pending ends with 0', 'work().data(); await device.flush();', 0],
    [
      'that is told to end with work pending ends with the given code',
      'work().data(); await device.flush(); process.exit(7);',
      7,
    ],
    ['whose device was destroyed ends with 0', 'work(); await device.flush(); device.destroy();', 0],
    [
      'ends with 1 after an exception that nobody caught',
      'work().data(); await device.flush(); throw new Error("on purpose");',
      1,
    ],
  ])('%s', async (_, ending, code) => {
    const child = await runModule(BUSY + ending);
    expect(child.stdout).toBe('started\n');
    expect({ code: child.code, signal: child.signal }).toEqual({ code, signal: null });
    if (code === 1) expect(child.stderr).toContain('on purpose');
  });

  it('without any driver says what is missing and how to mend it', async () => {
    const child = await runModule(
      `import { acquireDevice } from './engine/device/node.ts';
       try { await acquireDevice(); } catch (error) { console.log(error.name + ': ' + error.message); }
       try { await acquireDevice({ device: 'cpu' }); } catch (error) { console.log(error.name + ': ' + error.message); }`,
      { VK_ICD_FILENAMES: '/nonexistent.json', VK_DRIVER_FILES: '/nonexistent.json' },
    );
    expect(child.code).toBe(0);
    if (process.platform !== 'linux') return;
    const [none, cpu] = child.stdout.split('\n');
    expect(none).toMatch(/^NoDeviceError: No usable GPU adapter: expected .* found none\. Run "npm run setup"/);
    expect(cpu).toMatch(
      /^NoDeviceError: --device cpu: expected a software Vulkan driver .*apt-get install mesa-vulkan-drivers/,
    );
  });
});

it('computes the same bits in fresh processes, with cold and with warm shader caches', async () => {
  const cache = await mkdtemp(path.join(tmpdir(), 'miaobi-shaders-'));
  try {
    const text = `
      import { acquireDevice } from './engine/device/node.ts';
      import { makeSmallNetwork, trainSmall } from './test/support/small-network.ts';
      const device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
      const losses = await trainSmall(device, makeSmallNetwork(device), 5);
      console.log(Buffer.from(Float32Array.from(losses).buffer).toString('hex'));`;
    const run = () => runModule(text, { MESA_SHADER_CACHE_DIR: cache });
    const [cold, warm] = [await run(), await run()];
    expect(cold.code, cold.stderr).toBe(0);
    expect(cold.stdout).toMatch(/^([0-9a-f]{8}){5}\n$/);
    expect(warm.stdout).toBe(cold.stdout);
    if (/llvmpipe/.test(process.env.MIAOBI_DEVICE ?? '')) expect((await readdir(cache)).length).toBeGreaterThan(0);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
});
