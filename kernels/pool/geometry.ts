import * as d from 'typegpu/data';
import { type Shape, ShapeError, sizeOf } from '../../engine/index.ts';

type Pair = readonly [number, number];

/** A window over the last two axes: [vertical, horizontal] each. */
export interface Window {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  ceilMode: boolean;
}

export interface PoolOptions {
  /** extents of the window, or one number for both */
  kernel: number | Pair;
  /** distance of neighbouring windows; the window's own extents by default */
  stride?: number | Pair;
  /** what is put around x, at most half a window; 0 by default */
  padding?: number | Pair;
  /** keep last windows that reach past the border; false by default */
  ceilMode?: boolean;
}

const pair = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

export function windowFrom({ kernel, stride = kernel, padding = 0, ceilMode = false }: PoolOptions): Window {
  return { kernel: pair(kernel), stride: pair(stride), padding: pair(padding), ceilMode };
}

/**
 * Windows along one axis, counted as PyTorch does: in ceil mode the last one starts inside x or its leading padding.
 */
function windows(n: number, k: number, { stride, padding, ceilMode }: Window, axis: 0 | 1): number {
  const room = n + 2 * padding[axis] - k;
  if (!ceilMode) return Math.floor(room / stride[axis]) + 1;
  const count = Math.ceil(room / stride[axis]) + 1;
  return (count - 1) * stride[axis] >= n + padding[axis] ? count - 1 : count;
}

/** @throws ShapeError when the window does not fit x */
export function pooledShape(name: string, x: Shape, window: Window): number[] {
  const { kernel, stride, padding } = window;
  const given = `kernel [${kernel}], stride [${stride}], padding [${padding}] for [${x}]`;
  const whole = [...kernel, ...stride, ...padding].every(Number.isInteger);
  if (x.length < 2 || !whole || Math.min(...kernel, ...stride) < 1 || Math.min(...padding) < 0) {
    throw new ShapeError(
      `${name}: expected x of at least two axes, whole kernel and stride of at least 1 and padding of at least 0, ` +
        `got ${given}. Check the options.`,
    );
  }
  if (padding[0] * 2 > kernel[0] || padding[1] * 2 > kernel[1]) {
    throw new ShapeError(
      `${name}: expected at most half a window of padding, or windows would hold nothing else, got ${given}. ` +
        'Pad with pad2d() first.',
    );
  }
  const [h, w] = x.slice(-2);
  const size = [windows(h, kernel[0], window, 0), windows(w, kernel[1], window, 1)];
  if (Math.min(...size) < 1) {
    throw new ShapeError(`${name}: the window is larger than x, got ${given}. Take a smaller kernel or pad x.`);
  }
  return [...x.slice(0, -2), ...size];
}

export const PoolParams = d
  .struct({
    ...{ planes: d.u32, height: d.u32, width: d.u32, oHeight: d.u32, oWidth: d.u32 },
    ...{ kernelH: d.u32, kernelW: d.u32, strideH: d.u32, strideW: d.u32, padH: d.u32, padW: d.u32 },
    countPadding: d.u32,
  })
  .$name('Params');

export function poolParams(x: Shape, y: Shape, { kernel, stride, padding }: Window, countPadding = false) {
  const [height, width] = x.slice(-2);
  const [oHeight, oWidth] = y.slice(-2);
  return {
    planes: sizeOf(x.slice(0, -2)),
    height,
    width,
    oHeight,
    oWidth,
    kernelH: kernel[0],
    kernelW: kernel[1],
    strideH: stride[0],
    strideW: stride[1],
    padH: padding[0],
    padW: padding[1],
    countPadding: countPadding ? 1 : 0,
  };
}

export const POOL_WG = 256;
/** As STRIP of window.wgsl: planes a thread takes. */
export const STRIP = 4;

type Sizes = { planes: number; height: number; width: number; oHeight: number; oWidth: number };
export const outputGrid = (p: Sizes) => Math.ceil((Math.ceil(p.planes / STRIP) * p.oHeight * p.oWidth) / POOL_WG);
export const inputGrid = (p: Sizes) => Math.ceil((Math.ceil(p.planes / STRIP) * p.height * p.width) / POOL_WG);
export function poolCost(p: Sizes & { kernelH: number; kernelW: number }, bytes: number) {
  const outputs = p.planes * p.oHeight * p.oWidth;
  return { flops: outputs * p.kernelH * p.kernelW, bytes: (p.planes * p.height * p.width + outputs) * bytes };
}

/** Windows for the tests, from one element to larger than a plane. */
export const poolSamples: readonly { x: Shape; window: Window }[] = [
  { x: [2, 3, 6, 8], window: windowFrom({ kernel: 2 }) },
  { x: [1, 2, 7, 9], window: windowFrom({ kernel: 2, ceilMode: true }) },
  { x: [2, 1, 7, 10], window: windowFrom({ kernel: 3, stride: 2, padding: 1 }) },
  { x: [1, 5, 8, 6], window: windowFrom({ kernel: 3, stride: 2, padding: 1, ceilMode: true }) },
  { x: [3, 5, 7], window: windowFrom({ kernel: [3, 2], stride: 1, padding: [1, 0] }) },
  { x: [1, 1, 9, 11], window: windowFrom({ kernel: [2, 4], stride: [3, 5], padding: [1, 2], ceilMode: true }) },
  { x: [2, 3, 5, 4], window: windowFrom({ kernel: [5, 4] }) },
  { x: [1, 2, 6, 6], window: windowFrom({ kernel: 5, stride: 4, padding: 2, ceilMode: true }) },
  { x: [7, 1, 1], window: windowFrom({ kernel: 1 }) },
];

export const poolBench: readonly { x: Shape; window: Window; bench: string }[] = [
  { x: [1, 64, 256, 256], window: windowFrom({ kernel: 2 }), bench: '2×2, 64 of 256²' },
  { x: [1, 64, 256, 256], window: windowFrom({ kernel: 3, stride: 2, padding: 1 }), bench: '3×3 by 2, 64 of 256²' },
];
