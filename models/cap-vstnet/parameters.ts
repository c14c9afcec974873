import { type Device, type DType, ShapeError, sizeOf, type Tensor, tensor, treeOf } from '../../engine/index.ts';
import { randomUniforms } from '../../engine/random.ts';
import { type CapVstnetConfig, type ParameterSpec, parameterSpecs } from './config.ts';
import type { CapVstnetParams } from './network.ts';

/** Values of one parameter in row-major order. */
export type ParameterSource = (spec: ParameterSpec, index: number) => ArrayLike<number>;

/**
 * Uploads every parameter.
 *
 * @param source  its values, asked for in checkpoint order
 * @throws ShapeError when a source gives another number of values than the shape holds
 */
export function parametersFrom(
  device: Device,
  config: CapVstnetConfig,
  source: ParameterSource,
  dtype: DType = 'f32',
): CapVstnetParams {
  const entries = parameterSpecs(config).map((spec, index): [string, Tensor] => {
    const values = source(spec, index);
    if (values.length !== sizeOf(spec.shape)) {
      throw new ShapeError(
        `${spec.key}: expected ${sizeOf(spec.shape)} values for [${spec.shape}], got ${values.length}.`,
      );
    }
    return [spec.key, tensor(device, values, spec.shape, dtype)];
  });
  return treeOf(entries) as unknown as CapVstnetParams;
}

/**
 * Untrained weights as PyTorch initialises them: uniform in ±1/√fan_in, biases zero. The same seed gives the same
 * weights on every machine.
 */
export function initialParameters(seed: number): ParameterSource {
  return ({ key, shape, fanIn }, index) => {
    if (key.endsWith('.bias')) return new Float32Array(sizeOf(shape));
    const bound = 1 / Math.sqrt(fanIn);
    const unit = randomUniforms({ seed, step: 0, op: index }, sizeOf(shape));
    return unit.map((u) => (2 * u - 1) * bound);
  };
}

const DAMPING = 0.05;

/**
 * Untrained weights to paint with: as `initialParameters`, but the blocks behind the first stage add a twentieth of what
 * they would. Their convolutions see every second or fourth pixel as a channel of its own and, untrained, treat each
 * differently, which shows as a fine grid; damped, the transfer happens in the features of the first stage.
 */
export function damped(config: CapVstnetConfig, source: ParameterSource): ParameterSource {
  const early = new Set(Array.from({ length: config.nBlocks[0] }, (_, i) => `stack.${i}`));
  return (spec, index) => {
    const values = source(spec, index);
    const [, block, name] = /^(.+)\.conv\.(\d+\.\w+)$/.exec(spec.key) ?? [];
    return name === '7.weight' && !early.has(block) ? Float32Array.from(values, (v) => v * DAMPING) : values;
  };
}
