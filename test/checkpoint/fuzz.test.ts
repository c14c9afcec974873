/** Damaged files: every one gives its tensors or a CheckpointError, in bounded time and memory. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import { float32Tensor } from '../../models/checkpoint/tensor-map.ts';
import { readContent } from '../../train/checkpoint/open-checkpoint.ts';
import { inMemory } from '../../train/checkpoint/random-access.ts';
import { readTensors } from '../../train/checkpoint/safetensors-file.ts';
import { fixture } from './scratch.ts';

/** mulberry32: small, seeded, good enough to choose bytes. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const safetensors = serialize(
  new Map([
    ['w', float32Tensor([2, 3], new Float32Array(6))],
    ['b', float32Tensor([3], new Float32Array(3))],
  ]),
  new Map([['model', 'x']]),
);

const files: [string, Uint8Array][] = [
  ['x.safetensors', safetensors],
  ...[
    'torch-zip-state.pt',
    'torch-zip-training.pt',
    'torch-legacy-state.pt',
    'torch-legacy-training.pt',
    'numpy1-protocol2.pkl',
    'numpy2-protocol5.pkl',
    'arrays.npz',
    'arrays-deflated.npz',
    'column.npy',
  ].map((name): [string, Uint8Array] => [name, readFileSync(fixture(name))]),
];

type Damage = (bytes: Uint8Array, next: () => number) => Uint8Array;

const damages: Record<string, Damage> = {
  'flipped bytes': (bytes, next) => {
    const copy = Uint8Array.from(bytes);
    for (let n = 1 + Math.floor(next() * 4); n > 0; n--) copy[Math.floor(next() * copy.length)] ^= 1 + next() * 255;
    return copy;
  },
  'a piece repeated': (bytes, next) => {
    const [a, b] = [next(), next()].map((x) => Math.floor(x * bytes.length)).sort((x, y) => x - y);
    return Buffer.concat([bytes.subarray(0, b), bytes.subarray(a)]);
  },
  'a piece cut out': (bytes, next) => {
    const [a, b] = [next(), next()].map((x) => Math.floor(x * bytes.length)).sort((x, y) => x - y);
    return Buffer.concat([bytes.subarray(0, a), bytes.subarray(b)]);
  },
  'a run of one byte': (bytes, next) => {
    const copy = Uint8Array.from(bytes);
    const at = Math.floor(next() * copy.length);
    return copy.fill(Math.floor(next() * 256), at, at + 1 + Math.floor(next() * 16));
  },
};

const ROUNDS = 400;

describe.each(files)('%s', (name, bytes) => {
  it.each(Object.keys(damages))('with %s is read or refused', async (kind) => {
    let [refused, read, slowest] = [0, 0, 0];
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const damaged = damages[kind](bytes, random(seed));
      const started = performance.now();
      try {
        const { tensors } = await readContent(inMemory(damaged, name));
        await readTensors(tensors);
        read++;
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - started);
    }
    expect(refused + read).toBe(ROUNDS);
    expect(refused).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(2000);
  });
});
