import * as d from 'typegpu/data';
import { bytesPerElement, type Capabilities, defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { MANY_VECTORS } from '../lib/rows.ts';
import { isCard } from '../lib/tile.ts';

/** The order is that of the cases in unary.wgsl. */
const OPS = [
  'affine',
  'relu',
  'leakyRelu',
  'tanh',
  'sigmoid',
  'exp',
  'log',
  'sqrt',
  'abs',
  'clamp',
  'pow',
  'sign',
  'inside',
  'rsqrt',
  'silu',
  'softplus',
  'roundTo',
  'copy',
] as const;
export type UnaryName = (typeof OPS)[number];
/** Those that take much longer to compute than a product. */
const CURVED: ReadonlySet<UnaryName> = new Set(['tanh', 'sigmoid', 'exp', 'log', 'pow', 'silu', 'softplus']);

export const POINTWISE_WG = 256;

/** Bytes a thread takes at once. */
const UNIT = 16;
/** Units a thread takes on software drivers, which pay for each thread, where there are more than enough threads. */
const SOFTWARE_SPAN = 4;
const ENOUGH_UNITS = 1 << 14;

/** How a tensor of that many bytes is shared out: units of 16 bytes, and how many of them a thread takes. */
export function unitsOf(bytes: number, { software }: Capabilities): { count: number; span: number } {
  const count = Math.ceil(bytes / UNIT);
  return { count, span: software && count >= ENOUGH_UNITS ? SOFTWARE_SPAN : 1 };
}

export const unitGrid = (p: { count: number; span: number }) => Math.ceil(p.count / (POINTWISE_WG * p.span));

const unaryKernel = defineKernel({
  name: 'pointwise.unary',
  wgsl: new URL('./unary.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, span: d.u32, a: d.f32, b: d.f32 }).$name('Params'),
  bindings: { x: read('T16'), y: write('T16') },
  keys: { OP: OPS.map((_, i) => i), PAIRED: [0, 1], WG: [POINTWISE_WG] },
  valid: ({ OP, PAIRED }) => PAIRED === 0 || CURVED.has(OPS[OP]),
  grid: unitGrid,
  cost: (p, bytes) => ({ flops: (UNIT / bytes) * p.count, bytes: 2 * UNIT * p.count }),
});

/** y = f(x) for one of the functions above. */
export function launchUnary(name: UnaryName, x: Tensor, y: Tensor, a = 0, b = 0): void {
  const { capabilities, info } = x.device;
  const { count, span } = unitsOf(x.size * bytesPerElement(x.dtype), capabilities);
  // of halves a card computes so much for a byte that it has to load ahead
  const isPaired = !capabilities.software && isCard(info) && x.dtype === 'f16' && CURVED.has(name);
  const params = { count, span: isPaired ? 2 : span, a, b };
  unaryKernel.launch({ x, y }, params, { OP: OPS.indexOf(name), PAIRED: isPaired ? 1 : 0, WG: POINTWISE_WG });
}

const castKernel = defineKernel({
  name: 'pointwise.cast',
  wgsl: new URL('./cast.wgsl', import.meta.url),
  params: d.struct({ count: d.u32 }).$name('Params'),
  bindings: { x: read('T4'), y: write('U4') },
  keys: { WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 4 * p.count * (bytes + 4) }),
});

const HalfParams = d.struct({ count: d.u32, span: d.u32 }).$name('Params');
const halfCost = (p: { count: number }) => ({ flops: 0, bytes: 3 * UNIT * p.count });

const toHalfKernel = defineKernel({
  name: 'pointwise.toHalf',
  wgsl: new URL('./to-half.wgsl', import.meta.url),
  params: HalfParams,
  bindings: { x: read('vec4f'), y: write('T16') },
  keys: { WG: [POINTWISE_WG] },
  grid: unitGrid,
  cost: halfCost,
});

const fromHalfKernel = defineKernel({
  name: 'pointwise.fromHalf',
  wgsl: new URL('./from-half.wgsl', import.meta.url),
  params: HalfParams,
  bindings: { x: read('T16'), y: write('vec4f') },
  keys: { WG: [POINTWISE_WG] },
  grid: unitGrid,
  cost: halfCost,
});

/** y = x in the storage type of y. */
export function launchCast(x: Tensor, y: Tensor): void {
  if (x.dtype === y.dtype) {
    launchUnary('copy', x, y);
    return;
  }
  const { capabilities } = x.device;
  if (x.dtype === 'f32' && y.dtype === 'f16') {
    toHalfKernel.launch({ x, y }, unitsOf(2 * x.size, capabilities), { WG: POINTWISE_WG });
    return;
  }
  // GPUs write what lies beside each other at once: no thread writes two vectors
  if (x.dtype === 'f16' && y.dtype === 'f32' && capabilities.software) {
    fromHalfKernel.launch({ x, y }, unitsOf(2 * x.size, capabilities), { WG: POINTWISE_WG });
    return;
  }
  castKernel.launch({ x, y }, { count: Math.ceil(x.size / 4) }, { WG: POINTWISE_WG });
}

const fillKernel = defineKernel({
  name: 'pointwise.fill',
  wgsl: new URL('./fill.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, span: d.u32, value: d.f32 }).$name('Params'),
  bindings: { y: write('T16') },
  keys: { WG: [POINTWISE_WG] },
  grid: unitGrid,
  cost: (p) => ({ flops: 0, bytes: UNIT * p.count }),
});

const FILL_SPAN = 4;

/** Sets every element of y. */
export function launchFill(y: Tensor, value: number): void {
  const { count, span } = unitsOf(y.size * bytesPerElement(y.dtype), y.device.capabilities);
  fillKernel.launch({ y }, { count, span: count >= MANY_VECTORS ? FILL_SPAN : span, value }, { WG: POINTWISE_WG });
}
