/** The factor of a loss whose gradients pass through f16, moved by whether they overflow. */
import type { Tensor } from '../../engine/index.ts';
import { affine } from '../../kernels/index.ts';

export interface LossScaleConfig {
  /** of the first step */
  readonly initial?: number;
  /** factor after `growthInterval` updates in a row */
  readonly growth?: number;
  /** factor after an overflow */
  readonly backoff?: number;
  readonly growthInterval?: number;
}

/** What a resumed run needs to go on with the same scales. */
export type LossScaleState = {
  readonly value: number;
  /** updates since it last changed */
  readonly steady: number;
};

export interface LossScale {
  /** the factor of the next step's loss */
  readonly value: number;
  /** Hears of a step whose gradients were finite (and were used), or were not (and must not be). */
  next(overflowed: boolean): void;
  state(): LossScaleState;
  restore(state: LossScaleState): void;
}

/** Within these, scale and 1 / scale are normal numbers of f32 with room for a loss. */
const SMALLEST = 2 ** -24;
const LARGEST = 2 ** 64;

/**
 * Dynamic loss scaling: small gradients leave f16's subnormals, large ones overflow now and then and cost a step. Powers
 * of two, so that scaling rounds nothing.
 *
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; the defaults are those of PyTorch's GradScaler
 */
export function lossScale(config: LossScaleConfig = {}): LossScale {
  const { initial = 65536, growth = 2, backoff = 0.5, growthInterval = 2000 } = config;
  let value = initial;
  let steady = 0;
  return {
    get value() {
      return value;
    },
    next(overflowed) {
      steady = overflowed ? 0 : steady + 1;
      if (overflowed) value = Math.max(SMALLEST, value * backoff);
      if (steady < growthInterval) return;
      value = Math.min(LARGEST, value * growth);
      steady = 0;
    },
    state: () => ({ value, steady }),
    restore(state) {
      ({ value, steady } = state);
    },
  };
}

/** What is differentiated, times the loss scale; what is reported stays. Runs inside of what is differentiated. */
export function scaled<Terms extends { readonly loss: Tensor }>(terms: Terms, scale: number): Terms {
  return scale === 1 ? terms : { ...terms, loss: affine(terms.loss, { scale }) };
}

/** Why a step updated nothing. */
export const overflowReason = (what: string, next: number): string =>
  `${what} overflowed in f16; the loss scale goes down to ${next}`;
