import type { Tensor } from '../../engine/index.ts';
import { ShapeError } from '../../engine/index.ts';
import { leakyReluGrad, sigmoidGrad, tanhGrad } from '../pointwise/ops.ts';

/** What an epilogue may apply to a finished sum. */
export type Activation = 'none' | 'relu' | 'leakyRelu' | 'tanh' | 'sigmoid';

export const activationWgsl = new URL('./activation.wgsl', import.meta.url);

/** The key and the params by which activation.wgsl knows an activation. */
export function activationCode(activation: Activation, slope: number): { CURVED: 0 | 1; curve: number; slope: number } {
  switch (activation) {
    case 'none':
      return { CURVED: 0, curve: 0, slope: 1 };
    case 'relu':
      return { CURVED: 0, curve: 0, slope: 0 };
    case 'leakyRelu':
      return { CURVED: 0, curve: 0, slope };
    case 'tanh':
      return { CURVED: 1, curve: 0, slope: 0 };
    case 'sigmoid':
      return { CURVED: 1, curve: 1, slope: 0 };
  }
}

/** @throws ShapeError where the gradient could not be found from the output: leakyRelu with a negative slope */
export function checkActivation(op: string, activation: Activation, slope: number): void {
  if (activation === 'leakyRelu' && slope < 0) {
    throw new ShapeError(
      `${op}: a fused leakyRelu needs a slope of at least 0, got ${slope}. Call leakyRelu() on the result instead.`,
    );
  }
}

/** The gradient in the activation's input, from its output y: dy · f′(x). */
export function activationGrad(activation: Activation, dy: Tensor, y: Tensor, slope: number): Tensor {
  switch (activation) {
    case 'none':
      return dy;
    case 'relu':
      return leakyReluGrad(dy, y);
    case 'leakyRelu':
      return leakyReluGrad(dy, y, slope);
    case 'tanh':
      return tanhGrad(dy, y);
    case 'sigmoid':
      return sigmoidGrad(dy, y);
  }
}

/** The activation in float64, for references. */
export function activationRef(activation: Activation, x: number, slope: number): number {
  switch (activation) {
    case 'none':
      return x;
    case 'relu':
      return Math.max(x, 0);
    case 'leakyRelu':
      return x > 0 ? x : slope * x;
    case 'tanh':
      return Math.tanh(x);
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
  }
}
