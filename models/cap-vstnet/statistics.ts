import { type Tensor, tensor } from '../../engine/index.ts';
import { covarianceStatistics, type Statistics } from '../../kernels/index.ts';
import { regionStatistics } from './regions.ts';
import type { Labels } from './segment.ts';
import { latentStatistics } from './statistics-host.ts';

/**
 * Multiply-adds that are left to the host, beside a software driver about 0.4 s. A 512² picture needs 1.4·10⁸ (photo) or
 * 5.4·10⁸ (art). A GPU would wait for the host longer than it takes for the whole picture: 1.6 s of 2.0 at 1024² on an H200.
 */
const HOST_LIMIT = { software: 6e8, gpu: 3e7 };

/**
 * Mean and covariance of a latent, or of the pixels of one label.
 *
 * cWCT factorises the covariance, so its error counts times the condition number (10³ for photo, 10⁴ for art, far more
 * for some pictures). Latents small enough are summed in float64 on the host, whose error is that of the input alone;
 * larger ones on the GPU, to about 10⁻⁷ of √(Σii Σjj).
 *
 * @param x       [B, N, h, w]
 * @param region  labels [h·w] of a latent with B = 1, and the one that counts
 */
export async function statisticsOf(
  x: Tensor,
  region?: { readonly labels: Labels; readonly label: number },
): Promise<Statistics> {
  const [items, channels, height, width] = x.shape;
  const limit = HOST_LIMIT[x.device.info.software ? 'software' : 'gpu'];
  if (((items * channels * (channels + 1)) / 2) * height * width <= limit) {
    const values = (await x.data()) as Float32Array;
    return region
      ? regionStatistics(values, channels, region.labels, region.label)
      : latentStatistics(values, items, channels);
  }
  if (!region) return covarianceStatistics(x);
  const labels = tensor(x.device, Uint32Array.from(region.labels), [1, height * width], 'u32');
  try {
    return await covarianceStatistics(x, { labels, label: region.label });
  } finally {
    labels.dispose();
  }
}
