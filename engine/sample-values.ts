import type { SampleInput } from './define-op.ts';
import { sizeOf } from './tensor.ts';

/** Small deterministic generator (mulberry32) for test data: seeds are printed, so a failure can be repeated. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The numbers of a sample's input, as its kind says; the same for the same generator. */
export function sampleValues(
  { shape, kind = 'normal', offset = 0, scale = 1, below = 2, from = [] }: SampleInput,
  random: () => number,
): Float64Array {
  const size = sizeOf(shape);
  const each = (f: (i: number) => number) => Float64Array.from({ length: size }, (_, i) => f(i));
  const n = shape.at(-1) ?? 1;
  switch (kind) {
    case 'normal':
      return each(() => normal(random) * scale + offset);
    case 'positive':
      return each(() => (Math.abs(normal(random)) + 0.1) * scale + offset);
    case 'unit':
      return each(() => random() * scale + offset);
    case 'label':
      return each(() => Math.floor(random() * below));
    case 'away':
      return each(() => {
        for (;;) {
          const x = normal(random) * scale + offset;
          if (from.every((kink) => Math.abs(x - kink) > 0.011)) return x;
        }
      });
    case 'distinct': {
      const order = Array.from({ length: size }, (_, i) => i);
      for (let i = size - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      return each((i) => ((order[i] - size / 2) * 0.02 + random() * 0.005) * scale + offset);
    }
    case 'lower':
      return each((i) => {
        const row = Math.floor(i / n) % n;
        const column = i % n;
        if (column > row) return 0;
        return row === column ? 1 + random() : (normal(random) * scale) / Math.sqrt(n);
      });
    case 'spd': {
      const out = new Float64Array(size);
      for (let matrix = 0; matrix < size / (n * n); matrix++) {
        const factor = Float64Array.from({ length: n * n }, () => normal(random));
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let dot = 0;
            for (let k = 0; k < n; k++) dot += factor[i * n + k] * factor[j * n + k];
            out[matrix * n * n + i * n + j] = dot / n + (i === j ? 0.5 : 0);
          }
        }
      }
      return out;
    }
  }
}
