import * as d from 'typegpu/data';
import {
  type Capabilities,
  type Cost,
  type Device,
  type DType,
  defineKernel,
  empty,
  invariant,
  type Roofline,
  read,
  scope,
  type Tensor,
  tensor,
  write,
} from '../../engine/index.ts';

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

const OPERATIONS_A_STEP = 8 * 4 * 2;

const multiplyAddKernel = defineKernel({
  name: 'roofline.multiplyAdd',
  wgsl: new URL('./multiply-add.wgsl', import.meta.url),
  params: d.struct({ threads: d.u32, steps: d.u32, factor: d.f32, term: d.f32 }).$name('Params'),
  bindings: { y: write('T4') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.threads / WG),
  cost: (p, bytes) => ({ flops: OPERATIONS_A_STEP * p.threads * p.steps, bytes: 4 * bytes * p.threads }),
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
/** Large enough to leave every cache. */
const COPY_BYTES = 64 * 2 ** 20;
const ENOUGH_SECONDS = 0.01;
const MAX_STEPS = 1 << 16;

/**
 * Measures the roofline of a device: the bandwidth of a vec4 copy and the peak of multiply-adds in registers, the best
 * of several rounds each, after a warm-up. Takes a fraction of a second on a GPU and about a second in software.
 */
export async function measureRoofline(device: Device): Promise<Roofline> {
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
  const bytes = Math.max(256, Math.min(COPY_BYTES, capabilities.maxBindingBytes, room));
  const [x, y] = scope(() => {
    const spec = { shape: [bytes / 4], dtype: 'f32' as const };
    return [empty(device, spec), empty(device, spec)];
  });
  const count = bytes / 16;
  const { cost, seconds } = await bestOf(device, () => copyKernel.launch({ x, y }, { count }, { WG }));
  for (const t of [x, y]) t.dispose();
  return cost.bytes / seconds;
}

async function arithmeticRate(device: Device, dtype: DType): Promise<number> {
  const threads = device.capabilities.software ? 1 << 13 : 1 << 20;
  const y = scope(() => tensor(device, new Float32Array(4 * threads), [4 * threads], dtype));
  const run = (steps: number) => () => launchMultiplyAdd(y, threads, steps);
  const best = await longEnough(device, run);
  y.dispose();
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
  let steps = 64;
  let best = await bestOf(device, run(steps), 2);
  while (best.seconds < ENOUGH_SECONDS && steps < MAX_STEPS) {
    steps *= 4;
    best = await bestOf(device, run(steps), 2);
  }
  return bestOf(device, run(steps));
}

function launchMultiplyAdd(y: Tensor, threads: number, steps: number): void {
  multiplyAddKernel.launch({ y }, { threads, steps, factor: 0.5, term: 0.25 }, { WG });
}

interface Best {
  readonly cost: Cost;
  readonly seconds: number;
}

/** The shortest of several runs of one dispatch, by timestamps where there are some, else by the clock. */
async function bestOf(device: Device, launch: () => void, rounds = ROUNDS): Promise<Best> {
  const { profiler: outer } = device.recorder;
  await device.finish();
  let seconds = Number.POSITIVE_INFINITY;
  let cost: Cost | undefined;
  try {
    for (let round = 0; round <= rounds; round++) {
      const profiler = device.profile();
      const start = performance.now();
      launch();
      await device.finish();
      const wall = (performance.now() - start) / 1e3;
      const [row] = await profiler.results();
      cost = row;
      // the first round compiles and warms up
      if (round > 0) seconds = Math.min(seconds, row.ms > 0 ? row.ms / 1e3 : wall);
    }
  } finally {
    device.recorder.profiler = outer;
  }
  invariant(cost, 'the roofline was measured without a dispatch');
  return { cost, seconds };
}
