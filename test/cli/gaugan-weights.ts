/** Small GauGANs as checkpoint files: untrained, but with first weights large enough that pictures have colours. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RandomKey, randomNormals, randomUniforms, sizeOf } from '../../engine/index.ts';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import { float32Tensor } from '../../models/checkpoint/tensor-map.ts';
import { encoderSpecs, type StateSpec } from '../../models/gaugan/state.ts';
import { derivedTensor } from '../../models/gaugan/state-dict.ts';
import { type GauganShape, generatorNetworks, specsOfGenerator } from '../../train/recipes/gaugan-networks.ts';

export const SMALL: GauganShape = {
  ...{ netG: 'spade', labelNc: 5, dontCare: false, instance: false, ngf: 2, nhidden: 4, flavour: 'pytorch' },
  ...{ normG: 'spectralspadesyncbatch3x3', normE: 'spectralinstance', numUpsamplingLayers: 'normal' },
  ...{ cropSize: 32, aspectRatio: 1, useVae: true, zDim: 4 },
};

export type Values = ReadonlyMap<string, Float32Array>;

const GAIN: Readonly<Record<string, number>> = { fc: 1, conv_img: 10 };

/**
 * First weights of a seed, large enough that the pictures have colours, with spectral norms that are near the true ones:
 * without a step of training the vectors of their buffers have nothing to do with the weights.
 */
export function stateOf(specs: readonly StateSpec[], seed: number): Values {
  const values = new Map<string, Float32Array>();
  const shapes = new Map(specs.map(({ key, shape }) => [key, shape]));
  specs.forEach((spec, i) => {
    const { key } = spec;
    const derived = spec.role === 'vector' ? derivedTensor(key) : undefined;
    const own = derived
      ? derived.make(
          derived.from.map((name) => values.get(name) as Float32Array),
          derived.from.map((name) => shapes.get(name) as readonly number[]),
        )
      : valuesOf(spec, GAIN[key.split('.')[0]] ?? 0.5, { seed, step: 0, op: i });
    values.set(key, Float32Array.from(own));
  });
  return values;
}

/** As `initialTensor` draws them on a device. */
function valuesOf({ shape, role, fanIn = 1, fanOut = 1 }: StateSpec, gain: number, key: RandomKey): ArrayLike<number> {
  const n = sizeOf(shape);
  switch (role) {
    case 'weight':
      return randomNormals(key, n).map((x) => x * gain * Math.sqrt(2 / (fanIn + fanOut)));
    case 'spectral':
      return randomUniforms(key, n).map((u) => (2 * u - 1) / Math.sqrt(fanIn));
    case 'vector': {
      const w = randomNormals(key, n);
      const length = Math.hypot(...w);
      return w.map((x) => x / length);
    }
    default:
      return new Float32Array(n).fill(role === 'ones' || role === 'scale' ? 1 : 0);
  }
}

export function specsOf(shape: GauganShape): { G: StateSpec[]; E: StateSpec[] | undefined } {
  const { generator, encoder } = generatorNetworks(shape);
  return {
    G: specsOfGenerator(generator),
    E: encoder && encoderSpecs(encoder),
  };
}

/** The bytes of a safetensors file. */
export function checkpoint(
  specs: readonly StateSpec[],
  values: Values,
  metadata: Record<string, string> = {},
): Uint8Array {
  const tensors = specs.map(({ key, shape }) => [key, float32Tensor(shape, values.get(key) as Float32Array)] as const);
  return serialize(new Map(tensors), new Map(Object.entries(metadata)));
}

/** Writes `G.safetensors`, and `E.safetensors` where there is a latent; with `shape` in their headers, or bare. */
export async function writeGaugan(folder: string, shape: GauganShape = SMALL, { bare = false } = {}): Promise<string> {
  await mkdir(folder, { recursive: true });
  const metadata: Record<string, string> = bare ? {} : { model: 'gaugan', shape: JSON.stringify(shape) };
  const specs = specsOf(shape);
  await writeFile(join(folder, 'G.safetensors'), checkpoint(specs.G, stateOf(specs.G, 1), metadata));
  if (specs.E) await writeFile(join(folder, 'E.safetensors'), checkpoint(specs.E, stateOf(specs.E, 2), metadata));
  return folder;
}
