/** Statistics of features in files: `.npz` with `mu` and `sigma`, and the two `.npy` files of Jittor's FID. */
import { CheckpointError } from '../../engine/index.ts';
import type { RawTensor } from '../../models/checkpoint/tensor-map.ts';
import type { WriteOptions } from '../checkpoint/atomic-write.ts';
import { readNpy, readNpz, writeNpz } from '../checkpoint/npz.ts';
import { RequestError } from '../errors.ts';
import { type FeatureStatistics, statisticsFrom } from './feature-statistics.ts';

/** Whether a path names statistics rather than pictures. */
export const isStatisticsName = (path: string): boolean => /\.npz$|_m\.npy$/i.test(path);

/**
 * @param path  NAME.npz with `mu` [d] and `sigma` [d, d], or NAME_m.npy beside NAME_s.npy
 * @throws CheckpointError when the file is damaged or holds something else; RequestError when it is not there
 */
export async function readStatistics(path: string): Promise<FeatureStatistics> {
  const { mu, sigma } = await arraysOf(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new RequestError(`${error.path ?? path}: expected statistics, but there is no such file. Check the path.`);
  });
  const dims = mu?.shape[0];
  if (!mu || !sigma || mu.shape.length !== 1 || sigma.shape.length !== 2 || sigma.shape.some((n) => n !== dims)) {
    throw new CheckpointError(
      `${path}: expected mu [d] and sigma [d, d], got mu [${mu?.shape ?? 'none'}] and sigma [${sigma?.shape ?? 'none'}]. ` +
        'Save them with: miaobi eval fid A B --save-stats FILE.npz',
    );
  }
  const [mean, covariance] = [mu, sigma].map((raw) => float64(path, raw));
  return statisticsFrom(mean, covariance);
}

async function arraysOf(path: string): Promise<{ mu?: RawTensor | undefined; sigma?: RawTensor | undefined }> {
  if (/_m\.npy$/i.test(path)) {
    return { mu: await readNpy(path), sigma: await readNpy(path.replace(/_m(\.npy)$/i, '_s$1')) };
  }
  const arrays = await readNpz(path);
  return { mu: arrays.get('mu'), sigma: arrays.get('sigma') };
}

/** Doubles of a file that holds doubles or floats. */
export function float64(path: string, { dtype, bytes }: RawTensor): Float64Array {
  const aligned = new Uint8Array(bytes).buffer;
  const values =
    dtype === 'F64'
      ? new Float64Array(aligned)
      : dtype === 'F32'
        ? Float64Array.from(new Float32Array(aligned))
        : undefined;
  if (values?.every(Number.isFinite)) return values;
  throw new CheckpointError(
    `${path}: expected finite numbers of 64 or 32 bits, got ${values ? 'NaN or infinity' : dtype}. Compute them again.`,
  );
}

/**
 * Writes `mu` and `sigma` as pytorch-fid does, deflated, in float64.
 *
 * @throws OutputExistsError when the file exists and `overwrite` is not set
 */
export async function writeStatistics(
  path: string,
  { mean, covariance, dims }: FeatureStatistics,
  options: WriteOptions = {},
): Promise<void> {
  const raw = (values: Float64Array, shape: readonly number[]): RawTensor => ({
    dtype: 'F64',
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  const tensors = new Map([
    ['mu', raw(mean, [dims])],
    ['sigma', raw(covariance(), [dims, dims])],
  ]);
  await writeNpz(path, tensors, { ...options, compress: true });
}
