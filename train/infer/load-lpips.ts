import { type Device, tensor } from '../../engine/index.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { type RawTensor, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { type Lpips, type LpipsNetwork, lpipsSpecs } from '../../models/lpips/lpips.ts';
import type { ConvParams } from '../../models/vgg/layers.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';

export interface LoadedLpips {
  readonly model: Lpips;
  /** for the user: values of different networks are not comparable */
  readonly description: string;
}

/**
 * LPIPS from published files: torchvision's AlexNet or VGG-16 and the package's linear weights, in one file or two.
 *
 * @param paths  in any order
 * @throws CheckpointError when a file is damaged, or the files together lack a tensor
 */
export async function loadLpips(device: Device, paths: readonly string[]): Promise<LoadedLpips> {
  const tensors = new Map<string, RawTensor>();
  for (const path of paths) {
    const file = await openCheckpoint(path);
    try {
      for (const [name, stored] of file.tensors) {
        const key = canonicalKey(name);
        if (!key || tensors.has(key)) continue;
        const { dtype, shape } = stored;
        tensors.set(key, { dtype, shape, bytes: await stored.read() });
      }
    } finally {
      await file.close();
    }
  }
  const network: LpipsNetwork = tensors.get('features.0.weight')?.shape[2] === 11 ? 'alex' : 'vgg';
  const { features, lins } = lpipsSpecs(network);
  const required = new Map([...features, ...lins].map(({ key, shape }) => [key, shape]));
  const kept = new Map([...tensors].filter(([key]) => required.has(key)));
  assertMatch(`${paths.join(' with ')} for LPIPS (${network})`, matchKeys(kept, required));
  const upload = (key: string) =>
    tensor(device, toFloat32Array(kept.get(key) as RawTensor), [...(required.get(key) as readonly number[])]);
  const convs: Record<number, ConvParams> = {};
  for (const { key } of features.filter((spec) => spec.key.endsWith('.weight'))) {
    const index = Number(key.split('.')[1]);
    convs[index] = { weight: upload(key), bias: upload(`features.${index}.bias`) };
  }
  return {
    model: { network, features: convs, lins: lins.map(({ key }) => upload(key)) },
    description: `LPIPS 0.1, ${network === 'alex' ? 'AlexNet' : 'VGG-16'}, from ${paths.join(' and ')}`,
  };
}

/** Names of torchvision, of the package's own networks (`net.slice2.3.weight`), and of both ways to store its weights. */
export function canonicalKey(name: string): string | undefined {
  const lin = /^(?:module\.)?(?:lin(\d)|lins\.(\d))\.model\.1\.weight$/.exec(name);
  if (lin) return `lin${lin[1] ?? lin[2]}.model.1.weight`;
  const conv = /^(?:module\.)?(?:features|net\.slice\d)\.(\d+)\.(weight|bias)$/.exec(name);
  return conv ? `features.${conv[1]}.${conv[2]}` : undefined;
}
