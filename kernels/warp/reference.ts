import type { Ref } from '../../engine/index.ts';

/** Calls `visit(target, source)` with the flat indices of every pixel of every plane. */
function pairs(count: number, sources: Uint32Array, visit: (target: number, source: number) => void): void {
  for (let plane = 0; plane < count; plane += sources.length)
    for (let i = 0; i < sources.length; i++) visit(plane + i, plane + sources[i]);
}

export function warpRef(x: Ref, sources: Uint32Array): Ref {
  const data = new Float64Array(x.data.length);
  pairs(data.length, sources, (target, source) => {
    data[target] = x.data[source];
  });
  return { shape: x.shape, data };
}

export function warpTransposeRef(y: Ref, sources: Uint32Array): Ref {
  const data = new Float64Array(y.data.length);
  pairs(data.length, sources, (target, source) => {
    data[source] += y.data[target];
  });
  return { shape: y.shape, data };
}
