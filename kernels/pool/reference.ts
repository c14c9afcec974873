import type { Ref } from '../../engine/index.ts';
import type { Window } from './geometry.ts';

const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);

/** Window starts of one axis, from PyTorch's rule: step by step until the next one would not start inside. */
function starts(n: number, axis: 0 | 1, { kernel, stride, padding, ceilMode }: Window): number[] {
  const found: number[] = [];
  for (let start = -padding[axis]; ; start += stride[axis]) {
    const whole = start + kernel[axis] <= n + padding[axis];
    const past = start + kernel[axis] - stride[axis] >= n + padding[axis] && found.length > 0;
    if (!whole && (!ceilMode || past || start >= n)) return found;
    found.push(start);
  }
}

/** Calls `visit(output index, indices of the window's elements in x, positions with padding)`. */
function eachWindow(
  shape: readonly number[],
  window: Window,
  visit: (output: number, elements: number[], positions: number) => void,
): number[] {
  const [h, w] = shape.slice(-2);
  const tops = starts(h, 0, window);
  const lefts = starts(w, 1, window);
  let output = 0;
  for (let p = 0; p < product(shape.slice(0, -2)); p++)
    for (const top of tops)
      for (const left of lefts) {
        const elements: number[] = [];
        let positions = 0;
        for (let i = top; i < top + window.kernel[0]; i++)
          for (let j = left; j < left + window.kernel[1]; j++) {
            if (i < h + window.padding[0] && j < w + window.padding[1]) positions++;
            if (i >= 0 && i < h && j >= 0 && j < w) elements.push((p * h + i) * w + j);
          }
        visit(output++, elements, positions);
      }
  return [...shape.slice(0, -2), tops.length, lefts.length];
}

export function maxPoolRef(x: Ref, window: Window): Ref {
  const values: number[] = [];
  const shape = eachWindow(x.shape, window, (_, elements) => values.push(Math.max(...elements.map((e) => x.data[e]))));
  return { shape, data: Float64Array.from(values) };
}

/** Sends y to the elements of its windows that `argmax` names by their place in the plane. */
export function maxUnpoolRef(y: Ref, argmax: Ref, shape: readonly number[], window: Window): Ref {
  const data = new Float64Array(product(shape));
  const plane = product(shape.slice(-2));
  eachWindow(shape, window, (output, elements) => {
    for (const e of elements) if (e % plane === argmax.data[output]) data[e] += y.data[output];
  });
  return { shape, data };
}

export function averagePoolRef(x: Ref, window: Window, countPadding: boolean): Ref {
  const values: number[] = [];
  const shape = eachWindow(x.shape, window, (_, elements, positions) => {
    const sum = elements.reduce((total, e) => total + x.data[e], 0);
    values.push(sum / (countPadding ? positions : elements.length));
  });
  return { shape, data: Float64Array.from(values) };
}

export function averageUnpoolRef(y: Ref, shape: readonly number[], window: Window, countPadding: boolean): Ref {
  const data = new Float64Array(product(shape));
  eachWindow(shape, window, (output, elements, positions) => {
    for (const e of elements) data[e] += y.data[output] / (countPadding ? positions : elements.length);
  });
  return { shape, data };
}
