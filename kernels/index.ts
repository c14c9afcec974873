/** Every op. A room adds one line here; tests, gradient checks, shader lint and bench find it through the registry. */
export * from './pointwise/ops.ts';
export { broadcastTo, mean, reshape, sum, sumTo } from './reduce/sum.ts';
export { pixelShuffle, pixelUnshuffle, squeeze, unsqueeze } from './squeeze/squeeze.ts';
