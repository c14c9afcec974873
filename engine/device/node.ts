import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { create, globals } from 'webgpu';
import { NoDeviceError } from '../errors.ts';
import { readFilesWith } from '../shader-text.ts';
import { type AcquireOptions, describe, deviceOf, gpuOf } from './acquire.ts';
import type { Siblings } from './compile-ahead.ts';
import type { AdapterInfo, Device } from './device.ts';

export interface NodeAcquireOptions extends AcquireOptions {
  /** `auto`, `cpu` (software Vulkan), `null` (compiles, executes nothing), or part of an adapter's name */
  device?: string;
  backend?: 'vulkan' | 'metal' | 'd3d12' | 'd3d11' | 'opengl' | 'null';
  /**
   * whether an index beyond the end of a buffer is moved inside it, as browsers always do. The kernels do not need it;
   * raw products on the matrix units of an H200 were a third faster without. By default unless MIAOBI_BOUNDS_CHECKS is `off`
   */
  boundsChecks?: boolean;
}

export interface ListedAdapter {
  readonly backend: string;
  readonly name: string;
}

/** Kept for the life of the process: collected while work is pending, these objects take the process down. */
const INSTANCES = Symbol.for('miaobi.webgpu.instances');

/** The set-up installs a software driver only where there is no adapter at all; beside a GPU it is the user's to add. */
const INSTALL_SOFTWARE = 'Install Mesa 25 or newer; on Debian and Ubuntu: apt-get install mesa-vulkan-drivers';

const DAWN_ON = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia'];
const UNCHECKED = 'disable_robustness';
const DAWN_OFF = ['timestamp_quantization'];

readFilesWith((url) => readFile(url, 'utf8'));

/** Acquires a device in Node through Dawn. A real GPU wins over a software adapter. @throws NoDeviceError */
export async function acquireDevice(options: NodeAcquireOptions = {}): Promise<Device> {
  const boundsChecks = options.boundsChecks ?? process.env.MIAOBI_BOUNDS_CHECKS !== 'off';
  const adapter = await requestAdapter({ ...options, boundsChecks });
  const info = describe(adapter);
  if (options.device === 'cpu' && !info.software) {
    throw new NoDeviceError(
      `--device cpu: expected a software Vulkan driver, found ${info.description}. ${INSTALL_SOFTWARE}`,
    );
  }
  if (info.software) sleepBetweenPolls();
  const budgetBytes = options.budgetBytes ?? (info.software ? Math.floor(totalmem() * 0.7) : undefined);
  const kernels = options.kernels ?? process.env.MIAOBI_KERNELS;
  const same = { ...options, boundsChecks };
  const siblings: Siblings = {
    count: siblingsFor(info),
    acquire: async () => gpuOf(await requestAdapter(same), same),
  };
  return deviceOf(adapter, { ...same, budgetBytes, kernels, siblings });
}

/** Devices that compile for another: as many as have a core each, on a driver that is known to keep what it compiled. */
function siblingsFor({ device, description }: AdapterInfo): number {
  const asked = process.env.MIAOBI_COMPILERS;
  if (asked !== undefined) return Math.max(0, Math.floor(Number(asked)) || 0);
  return /llvmpipe/i.test(`${device} ${description}`) ? Math.min(MOST_SIBLINGS, availableParallelism()) : 0;
}
const MOST_SIBLINGS = 8;

/** Every adapter that Dawn sees. Dawn has no enumeration: its message for an unknown name lists them. */
export async function listAdapters(backend?: string): Promise<ListedAdapter[]> {
  const flags = ['adapter=no adapter has this name', ...(backend ? [`backend=${backend}`] : [])];
  try {
    await makeInstance(flags).requestAdapter();
  } catch (error) {
    const message = (error as Error).message;
    return [...message.matchAll(/backend: '([^']*)', name: '([^']*)'/g)].map(([, b, name]) => ({ backend: b, name }));
  }
  return [];
}

async function requestAdapter(options: NodeAcquireOptions): Promise<GPUAdapter> {
  const { device = 'auto' } = options;
  const flags: string[] = [];
  if (device === 'null' || options.backend === 'null') flags.push('backend=null');
  else if (options.backend) flags.push(`backend=${options.backend}`);
  if (device === 'cpu') flags.push(`adapter=${await softwareAdapterName(options.backend)}`);
  else if (device !== 'auto' && device !== 'null') flags.push(`adapter=${device}`);
  let adapter: GPUAdapter | null;
  try {
    adapter = await makeInstance(flags, options.boundsChecks).requestAdapter({ powerPreference: 'high-performance' });
  } catch (error) {
    throw new NoDeviceError(
      `--device ${device}${options.backend ? ` --backend ${options.backend}` : ''}: no adapter matches.\n` +
        `${(error as Error).message.trim()}\nRun "miaobi devices" for the list.`,
    );
  }
  if (!adapter && options.backend) {
    const others = (await listAdapters()).map((other) => `${other.backend}: ${other.name}`).join(', ') || 'none';
    throw new NoDeviceError(
      `--backend ${options.backend}: expected an adapter of this backend, found none. Adapters of all backends: ` +
        `${others}. Leave --backend out to take the best of them.`,
    );
  }
  if (!adapter) {
    throw new NoDeviceError(
      'No usable GPU adapter: expected a Vulkan, Metal or D3D12 driver that Dawn accepts, found none. ' +
        'Run "npm run setup" to install a software Vulkan driver, or install your GPU\'s driver; "miaobi doctor" checks both.',
    );
  }
  return adapter;
}

async function softwareAdapterName(backend?: string): Promise<string> {
  const adapters = await listAdapters(backend);
  const software = adapters.find(({ name }) => /llvmpipe|swiftshader/i.test(name));
  if (!software) {
    const names = adapters.map(({ name }) => name).join(', ') || 'none';
    throw new NoDeviceError(
      `--device cpu: expected a software Vulkan driver (lavapipe or SwiftShader), found these adapters: ${names}. ` +
        INSTALL_SOFTWARE,
    );
  }
  return software.name.split('(')[0].trim();
}

function makeInstance(flags: readonly string[], boundsChecks = true): GPU {
  Object.assign(globalThis, globals);
  const instance = create([
    `enable-dawn-features=${[...DAWN_ON, ...(boundsChecks ? [] : [UNCHECKED])].join(',')}`,
    `disable-dawn-features=${DAWN_OFF.join(',')}`,
    ...flags,
  ]) as GPU;
  const holder = globalThis as { [INSTANCES]?: GPU[] };
  holder[INSTANCES] ??= [];
  holder[INSTANCES].push(instance);
  return instance;
}

let sleeping = false;
let polls = 0;
const SPINS_BEFORE_SLEEP = 30;

/**
 * While a GPU promise is pending, Dawn's binding polls through `setImmediate`, which it looks up each time: a busy wait
 * that takes a core from a software driver. After some quick turns the polls sleep a millisecond.
 */
function sleepBetweenPolls(): void {
  if (sleeping) return;
  sleeping = true;
  const spin = globalThis.setImmediate;
  const patched = ((callback: (...args: unknown[]) => void, ...args: unknown[]) =>
    polls++ < SPINS_BEFORE_SLEEP
      ? spin(callback, ...args)
      : setTimeout(callback, 1, ...args)) as unknown as typeof setImmediate;
  globalThis.setImmediate = Object.assign(patched, spin);
  const restart = () => {
    polls = 0;
  };
  setInterval(restart, 50).unref();
}
