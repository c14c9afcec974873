import { type Device, scope, tensor } from '../../engine/index.ts';
import type { ConvWeights } from '../../kernels/index.ts';
import { mean } from '../../kernels/index.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { type RawTensor, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import {
  foldInception,
  INCEPTION_LARGEST_BYTES,
  INCEPTION_WIDTHS,
  type InceptionStage,
  inceptionFeatures,
  inceptionSpecs,
} from '../../models/inception/network.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readTensors } from '../checkpoint/safetensors-file.ts';
import { RequestError } from '../errors.ts';
import type { FeatureExtractor } from '../eval/feature-distance.ts';

/**
 * FID's Inception from its published file. Of the stages before the last one the features are means over the picture.
 *
 * @param path   pt_inception-2015-12-05-6726825d.pth, or a .safetensors file of it
 * @param dims   features a picture: 64, 192, 768 or 2048; FID without further words means 2048
 * @throws CheckpointError when the file is damaged, unsafe or of another network; RequestError when it is
 *         not there
 */
export async function loadInception(
  device: Device,
  path: string,
  dims: (typeof INCEPTION_WIDTHS)[number] = 2048,
): Promise<FeatureExtractor> {
  const stage = INCEPTION_WIDTHS.indexOf(dims) as InceptionStage;
  const file = await openCheckpoint(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw new RequestError(
      `${path}: expected the weights of FID's Inception, but they cannot be read (${error.message}). Check the path.`,
    );
  });
  try {
    const required = new Map(inceptionSpecs(stage).map(({ key, shape }) => [key, shape]));
    assertMatch(`${path} for FID's Inception`, matchKeys(file.tensors, required));
    const tensors = await readTensors(file.tensors, (key) => required.has(key));
    const net = foldInception(
      (key) => toFloat32Array(tensors.get(key) as RawTensor),
      (values, shape) => tensor(device, values, shape),
      stage,
    );
    return {
      measure: dims === 2048 ? 'FID' : `FID of ${dims} features`,
      description: `FID's Inception from ${path}${dims === 2048 ? '' : `, ${dims} features`}`,
      dims,
      largestBytes: INCEPTION_LARGEST_BYTES,
      features: (x) => scope(() => mean(inceptionFeatures(net, x, stage).at(-1) ?? x, { axes: [2, 3] })),
      dispose() {
        for (const module of Object.values(net)) {
          const convs =
            'weight' in module ? [module as ConvWeights] : Object.values(module as Record<string, ConvWeights>);
          for (const { weight, bias } of convs) {
            weight.dispose();
            bias?.dispose();
          }
        }
      },
    };
  } finally {
    await file.close();
  }
}
