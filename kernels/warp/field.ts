import { ShapeError } from '../../engine/index.ts';

/** Which pixel every pixel of a warped picture comes from, and the same seen from there. Plain arrays, host-made. */
export interface WarpField {
  readonly width: number;
  readonly height: number;
  /** the source of each target pixel */
  readonly sources: Uint32Array;
  /** source p is read by targets[starts[p]] … targets[starts[p + 1] − 1], in increasing order */
  readonly starts: Uint32Array;
  readonly targets: Uint32Array;
}

/**
 * The nearest pixel to p − flow(p), as PyTorch's `grid_sample` finds it with a grid made for aligned corners and read
 * under `align_corners = false`: position x is sampled at x·W/(W − 1) − 0.5. All steps are rounded to f32 and halves go
 * to even, because a position often lies between two pixels. Positions outside are moved to the border.
 *
 * @param flow  [2, height, width] in pixels, x before y
 * @throws ShapeError when the flow has another size
 */
export function warpField(flow: ArrayLike<number>, width: number, height: number): WarpField {
  const area = width * height;
  if (flow.length !== 2 * area) {
    throw new ShapeError(
      `warpField: expected a flow [2, ${height}, ${width}] of ${2 * area} numbers, got ${flow.length}. Give x and y of ` +
        'each pixel, plane by plane.',
    );
  }
  const sources = new Uint32Array(area);
  for (let i = 0; i < area; i++) {
    const y = Math.floor(i / width);
    const x = i - y * width;
    sources[i] = nearest(y, flow[area + i], height) * width + nearest(x, flow[i], width);
  }
  return { width, height, sources, ...invert(sources) };
}

/** What is sampled along one axis of extent n. */
function nearest(position: number, flow: number, n: number): number {
  const f = Math.fround;
  const moved = f(position - f(flow));
  const grid = f(f(f(2 * moved) / Math.max(n - 1, 1)) - 1);
  const sampled = f(f(f(f(grid + 1) * n) - 1) / 2);
  return halfToEven(Math.min(Math.max(sampled, 0), n - 1));
}

function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** Targets sorted by source; counting keeps them in order. */
function invert(sources: Uint32Array): Pick<WarpField, 'starts' | 'targets'> {
  const starts = new Uint32Array(sources.length + 1);
  for (const source of sources) starts[source + 1]++;
  for (let p = 0; p < sources.length; p++) starts[p + 1] += starts[p];
  const next = starts.slice(0, -1);
  const targets = new Uint32Array(sources.length);
  sources.forEach((source, target) => {
    targets[next[source]++] = target;
  });
  return { starts, targets };
}
