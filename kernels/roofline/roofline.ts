import * as d from 'typegpu/data';
import {
  type Capabilities,
  type Device,
  type DType,
  defineKernel,
  empty,
  type Roofline,
  read,
  scope,
  tensor,
  write,
} from '../../engine/index.ts';
import { isCard } from '../lib/tile.ts';
import { type Best, bestOf } from './best-of.ts';
import { multiplyAdds } from './multiply-add.ts';
import { warmUp } from './warm-up.ts';

const WG = 256;

const copyKernel = defineKernel({
  name: 'roofline.copy',
  wgsl: new URL('./copy.wgsl', import.meta.url),
  params: d.struct({ count: d.u32 }).$name('Params'),
  bindings: { x: read('vec4f'), y: write('vec4f') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p) => ({ flops: 0, bytes: 32 * p.count }),
});

/** Of the matrices that adapters are known to multiply. */
const MATRIX_SIDES = [8, 16] as const;
const MATRIX_WG = 128;
const CHAINS = 4;

const matrixKernel = defineKernel({
  name: 'roofline.matrix',
  wgsl: new URL('./matrix.wgsl', import.meta.url),
  params: d.struct({ steps: d.u32, subgroups: d.u32 }).$name('Params'),
  bindings: { x: read('T'), y: write('f32') },
  keys: { WG: [MATRIX_WG], M: MATRIX_SIDES, N: MATRIX_SIDES, K: MATRIX_SIDES },
  subgroupMatrix: true,
  grid: (p, { WG }, { subgroupWidth }) => (p.subgroups * subgroupWidth) / WG,
  cost: (p, bytes, { M, N, K }) => ({
    flops: 2 * M * N * K * CHAINS * p.steps * p.subgroups,
    bytes: p.subgroups * M * N * CHAINS * 4 + (CHAINS * M + N) * K * bytes,
  }),
});

const ROUNDS = 6;
/** Large enough to leave every cache; and on cards for a moment at which all of their processors begin and end to be short. */
const COPY_BYTES = { card: 512 * 2 ** 20, other: 64 * 2 ** 20 };
const ENOUGH_SECONDS = 0.01;
const MAX_STEPS = 1 << 16;

/**
 * Measures the roofline of a device: the bandwidth of a vec4 copy and the peak of multiply-adds in registers, the best
 * of several rounds each, at full clock: it takes about a second.
 */
export async function measureRoofline(device: Device): Promise<Roofline> {
  await warmUp(device);
  const bytesPerSecond = await copyRate(device);
  const flopsPerSecond = await arithmeticRate(device, 'f32');
  const matrix = matrixConfigOf(device.capabilities);
  return {
    ...{ bytesPerSecond, flopsPerSecond },
    ...(device.capabilities.f16 ? { halfFlopsPerSecond: await arithmeticRate(device, 'f16') } : {}),
    ...(matrix ? { matrixFlopsPerSecond: await matrixRate(device, matrix) } : {}),
  };
}

async function copyRate(device: Device): Promise<number> {
  const { pool, capabilities } = device;
  // under a byte budget with what is left of it
  const room = Math.floor((pool.budgetBytes - pool.stats.usedBytes) / 4 / 256) * 256;
  const bytes = Math.max(
    256,
    Math.min(COPY_BYTES[isCard(device.info) ? 'card' : 'other'], capabilities.maxBindingBytes, room),
  );
  const [x, y] = scope(() => {
    const spec = { shape: [bytes / 4], dtype: 'f32' as const };
    return [empty(device, spec), empty(device, spec)];
  });
  const count = bytes / 16;
  const { cost, seconds } = await atFullClock(device, () => copyKernel.launch({ x, y }, { count }, { WG }));
  for (const t of [x, y]) t.dispose();
  return cost.bytes / seconds;
}

async function arithmeticRate(device: Device, dtype: DType): Promise<number> {
  const adds = multiplyAdds(device, dtype);
  const best = await longEnough(device, (steps) => () => adds.record(steps));
  adds.dispose();
  return best.cost.flops / best.seconds;
}

interface MatrixConfig {
  readonly dtype: DType;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The largest matrices, in halves before floats, whose products are summed in f32 as in every kernel here. */
function matrixConfigOf({ subgroupMatrix, subgroupWidth, f16 }: Capabilities): MatrixConfig | undefined {
  // without a fixed width nobody knows how many subgroups a workgroup has
  if (subgroupWidth === 0 || MATRIX_WG % subgroupWidth !== 0) return undefined;
  const known = (side: number) => (MATRIX_SIDES as readonly number[]).includes(side);
  const configs = subgroupMatrix.flatMap(({ componentType, resultComponentType, M, N, K }): MatrixConfig[] => {
    if (resultComponentType !== 'f32' || ![M, N, K].every(known)) return [];
    if (componentType === 'f16') return f16 ? [{ dtype: 'f16', M, N, K }] : [];
    return componentType === 'f32' ? [{ dtype: 'f32', M, N, K }] : [];
  });
  const rank = ({ dtype, M, N, K }: MatrixConfig) => (dtype === 'f16' ? 1e6 : 0) + M * N * K;
  return configs.sort((a, b) => rank(b) - rank(a))[0];
}

async function matrixRate(device: Device, { dtype, M, N, K }: MatrixConfig): Promise<number> {
  const subgroups = (4096 * MATRIX_WG) / device.capabilities.subgroupWidth;
  const size = (CHAINS * M + N) * K;
  const [x, y] = scope(() => [
    tensor(device, new Float32Array(size).fill(1 / 16), [size], dtype),
    empty(device, { shape: [subgroups * CHAINS * M * N], dtype: 'f32' }),
  ]);
  const run = (steps: number) => () => matrixKernel.launch({ x, y }, { steps, subgroups }, { WG: MATRIX_WG, M, N, K });
  const best = await longEnough(device, run);
  for (const t of [x, y]) t.dispose();
  return best.cost.flops / best.seconds;
}

/** Makes the loop of a kernel longer until a run can be timed. */
async function longEnough(device: Device, run: (steps: number) => () => void): Promise<Best> {
  let steps = 16;
  let best = await bestOf(device, run(steps), 2);
  while (best.seconds < ENOUGH_SECONDS && steps < MAX_STEPS) {
    steps *= 4;
    best = await bestOf(device, run(steps), 2);
  }
  return atFullClock(device, run(steps));
}

/** The best of several runs, after what compiles has compiled and the clock is up again. */
async function atFullClock(device: Device, launch: () => void): Promise<Best> {
  await bestOf(device, launch, 1);
  await warmUp(device);
  return bestOf(device, launch, ROUNDS);
}
