import { basename } from 'node:path';
import { z } from 'zod';
import { CheckpointError, type Device, type DType } from '../../engine/index.ts';
import {
  CAP_VSTNET,
  type CapVstnetConfig,
  type CapVstnetMode,
  parameterSpecs,
  planOf,
} from '../../models/cap-vstnet/config.ts';
import type { CapVstnet } from '../../models/cap-vstnet/latent.ts';
import { damped, initialParameters, parametersFrom } from '../../models/cap-vstnet/parameters.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { elementCount, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { modeOfName } from '../checkpoint/convert.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readTensors } from '../checkpoint/safetensors-file.ts';
import { RequestError } from '../errors.ts';
import { weightsFile } from '../run/weights.ts';

export interface LoadOptions {
  /** .safetensors, .pt or .pth; left out: untrained weights */
  readonly weights?: string;
  /** left out: what the file's metadata or name says, else photo */
  readonly mode?: CapVstnetMode;
  /** seed of untrained weights */
  readonly seed?: number;
  readonly dtype?: DType;
}

export interface LoadedCapVstnet {
  readonly net: CapVstnet;
  readonly mode: CapVstnetMode;
  /** where the weights are from, for the user */
  readonly description: string;
}

/**
 * Puts a CAP-VSTNet on a device. Photo and art checkpoints have the same names and shapes, so the mode comes from the
 * caller, the file's metadata or its name.
 *
 * @throws CheckpointError when the file is damaged, unsafe or of another model; RequestError when it is not there
 */
export async function loadCapVstnet(device: Device, options: LoadOptions = {}): Promise<LoadedCapVstnet> {
  const { weights, seed = 0, dtype } = options;
  if (weights === undefined) {
    const mode = options.mode ?? 'photo';
    const config = CAP_VSTNET[mode];
    const params = parametersFrom(device, config, damped(config, initialParameters(seed)), dtype);
    return {
      net: { device, config, plan: planOf(config), params },
      mode,
      description: `untrained weights of seed ${seed}`,
    };
  }
  const file = await openCheckpoint(await weightsFile(weights)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === undefined ? error : unreadable(weights, error);
  });
  try {
    const mode = options.mode ?? modeIn(file.metadata.get('mode')) ?? modeOfName(basename(weights)) ?? 'photo';
    const config = configIn(file.metadata.get('config')) ?? CAP_VSTNET[mode];
    const specs = parameterSpecs(config);
    const required = new Map(specs.map(({ key, shape }) => [key, shape]));
    assertMatch(`${weights} for cap-vstnet`, matchKeys(file.tensors, required));
    const tensors = await readTensors(file.tensors, (name) => required.has(name));
    const values = (key: string) => toFloat32Array(tensors.get(key) as NonNullable<ReturnType<typeof tensors.get>>);
    const params = parametersFrom(device, config, ({ key }) => values(key), dtype);
    const count = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const description = `${weights} (${mode}, ${count.toLocaleString('en')} parameters)`;
    return { net: { device, config, plan: planOf(config), params }, mode, description };
  } finally {
    await file.close();
  }
}

function unreadable(path: string, { message }: Error): RequestError {
  return new RequestError(
    `${path}: expected a checkpoint (.safetensors, .pt or .pth), but it cannot be read (${message}). ` +
      'Check the path of --weights and who may read it, or leave it out for untrained weights.',
  );
}

/** The shape of a network that is not one of the two published ones, as its training wrote it down. */
function configIn(text: string | undefined): CapVstnetConfig | undefined {
  if (text === undefined) return undefined;
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    written = undefined;
  }
  const parsed = CONFIG.safeParse(written);
  if (!parsed.success) {
    throw new CheckpointError(
      `The checkpoint's metadata should hold the shape of a cap-vstnet, but its config does not: ` +
        `${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`).join('; ')}. ` +
        'Train or convert it again.',
    );
  }
  planOf(parsed.data);
  return parsed.data;
}

const counts = z.array(z.number().int().positive());
const CONFIG = z.object({
  nBlocks: counts,
  nStrides: counts,
  nChannels: counts,
  inChannel: z.number().int().positive(),
  mult: z.number().int().positive(),
  hiddenDim: z.number().int().positive(),
  spSteps: z.number().int().nonnegative(),
});

const modeIn = (text: string | undefined): CapVstnetMode | undefined =>
  text === 'photo' || text === 'art' ? text : undefined;
