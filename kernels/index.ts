/** Every op. A room adds one line here; tests, gradient checks, shader lint and bench find it through the registry. */

export {
  type AdamOptions,
  type AdamSlice,
  adamUpdate,
  emaUpdate,
  type GuardOptions,
  gradientGuard,
  type LossScaleRule,
  type LossScaleTensors,
  moveLossScale,
} from './adam/adam.ts';
export {
  type BatchNormOptions,
  type BatchNormParams,
  type BatchNormResult,
  batchNorm,
} from './batch-norm/batch-norm.ts';
export {
  type CholeskyFactors,
  cholesky,
  choleskyWithRetry,
  type RetriedFactors,
  type RetryOptions,
} from './cholesky/cholesky.ts';
export { concat, split } from './concat/concat.ts';
export { padAxis, slice } from './concat/slice.ts';
export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  type ConvWeights,
  conv2d,
  convTranspose2d,
} from './conv2d/conv2d.ts';
export { covariance } from './covariance/covariance.ts';
export {
  covarianceStatistics,
  mergeStatistics,
  type Statistics,
  type StatisticsOptions,
} from './covariance/statistics.ts';
export { gather } from './gather/gather.ts';
export { oneHot } from './gather/one-hot.ts';
export { embedding, indexSelect } from './gather/select.ts';
export { instanceNorm } from './instance-norm/instance-norm.ts';
export { l1 } from './l1/l1.ts';
export { type LabelConv2dOptions, labelConv2d, type StraightActivation } from './label-conv/label-conv.ts';
export { type PooledOneHotOptions, pooledOneHot } from './label-conv/pooled-one-hot.ts';
export { resizeLabels } from './label-conv/resize-labels.ts';
export { type LayerNormOptions, layerNorm } from './layer-norm/layer-norm.ts';
export { type LinearWeights, linear, type MatmulOptions, matmul } from './matmul/matmul.ts';
export { mattingLaplacian } from './matting-laplacian/matting-laplacian.ts';
export { type LapTable, lapTable } from './matting-laplacian/table.ts';
export type { NormOptions } from './normalize/op.ts';
export { crop, type Padding, type PadMode, pad2d } from './pad/pad.ts';
export { flip, permute, transpose } from './permute/permute.ts';
export { addTo } from './pointwise/add-to.ts';
export * from './pointwise/ops.ts';
export { power } from './pointwise/power.ts';
export { where } from './pointwise/where.ts';
export { adaptiveAveragePool2d, averagePool2d, globalAveragePool } from './pool/average-pool.ts';
export type { PoolOptions } from './pool/geometry.ts';
export { globalMaxPool, maxPool2d } from './pool/max-pool.ts';
export { randomInteger, randomNormal, randomUniform } from './random/random.ts';
export { broadcastTo, mean, reshape, sum, sumTo } from './reduce/sum.ts';
export { type ResizeMode, type ResizeOptions, resize } from './resample/resize.ts';
export { measureRoofline } from './roofline/roofline.ts';
export { recordBurn, warmUp } from './roofline/warm-up.ts';
export { type CrossEntropyOptions, crossEntropy } from './softmax/cross-entropy.ts';
export { logSoftmax, softmax } from './softmax/softmax.ts';
export { type SpadeOptions, type SpadeResult, spade } from './spade/spade.ts';
export {
  type SpectralNormOptions,
  type SpectralNormResult,
  spectralNorm,
} from './spectral-norm/spectral-norm.ts';
export { pixelShuffle, pixelUnshuffle, squeeze, unsqueeze } from './squeeze/squeeze.ts';
export { argmax, max } from './statistics/max.ts';
export { type VarianceOptions, variance } from './statistics/variance.ts';
export { symmetrize, type TriangleOptions, transposeSquare, triangle } from './triangular-solve/square.ts';
export { type TriangularSolveOptions, triangularSolve } from './triangular-solve/triangular-solve.ts';
export { type WarpField, warpField } from './warp/field.ts';
export { warp } from './warp/warp.ts';
