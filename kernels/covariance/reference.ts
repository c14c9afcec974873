import type { Ref } from '../../engine/index.ts';

/** Mean and covariance over all axes after the second, from the definition, in two passes. */
export function covarianceRef(x: Ref): { covariance: Ref; mean: Ref } {
  const [items, channels] = x.shape;
  const pixels = x.data.length / (items * channels);
  const at = (item: number, c: number, p: number) => x.data[(item * channels + c) * pixels + p];
  const mean = new Float64Array(items * channels);
  const covariance = new Float64Array(items * channels * channels);
  for (let item = 0; item < items; item++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < pixels; p++) mean[item * channels + c] += at(item, c, p) / pixels;
    }
    for (let i = 0; i < channels; i++) {
      for (let j = 0; j < channels; j++) {
        let moment = 0;
        for (let p = 0; p < pixels; p++) {
          moment += (at(item, i, p) - mean[item * channels + i]) * (at(item, j, p) - mean[item * channels + j]);
        }
        covariance[(item * channels + i) * channels + j] = moment / (pixels - 1);
      }
    }
  }
  return {
    covariance: { shape: [items, channels, channels], data: covariance },
    mean: { shape: [items, channels], data: mean },
  };
}
