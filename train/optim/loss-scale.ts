/** The factor of a loss whose gradients pass through f16, moved by whether they overflow. */
import { type Device, overwrite, type Tensor, tensor } from '../../engine/index.ts';
import { type LossScaleRule, moveLossScale, mul } from '../../kernels/index.ts';

export interface LossScaleConfig extends Partial<Omit<LossScaleRule, 'smallest' | 'largest'>> {
  /** of the first step */
  readonly initial?: number;
}

/** What a resumed run needs to go on with the same scales. */
export type LossScaleState = {
  readonly value: number;
  /** updates since it last changed; −1 before the first */
  readonly steady: number;
};

/**
 * A scale that lives on the device, where whether gradients overflowed is known first: the next step can be recorded with
 * it before the host has heard how the last one went.
 */
export interface LossScale {
  /** the factor of the next loss, f32 [1] */
  readonly factor: Tensor;
  /** what is read back after an update, to be handed to `heard`: two tensors of one number each */
  readonly reading: readonly Tensor[];
  /** Records how an update went. @param control  from `gradientGuard`: finite gradients were used, others were not */
  next(control: Tensor): void;
  /** Takes in the two numbers of `reading`. */
  heard(numbers: ArrayLike<number>): LossScaleState;
  /** as it was last heard */
  state(): LossScaleState;
  restore(state: LossScaleState): void;
  dispose(): void;
}

/** Within these, scale and 1 / scale are normal numbers of f32 with room for a loss. */
const [SMALLEST, LARGEST] = [2 ** -24, 2 ** 64];

/**
 * Dynamic loss scaling: small gradients leave f16's subnormals, large ones overflow now and then and cost a step. Powers
 * of two, so that scaling rounds nothing. What fits a network is some orders of magnitude apart from the next one's, and a
 * training begins at the high end: until a first update the scale comes down in longer strides, for every step of the way
 * is a batch for nothing. A stride too far costs a few bits of the smallest gradients, until it grows.
 *
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; the other defaults are those of PyTorch's GradScaler
 */
export function lossScale(device: Device, config: LossScaleConfig = {}): LossScale {
  const { initial = 65536, growth = 2, backoff = 0.5, firstBackoff = 1 / 16, growthInterval = 2000 } = config;
  const rule = { growth, backoff, firstBackoff, growthInterval, smallest: SMALLEST, largest: LARGEST };
  let known: LossScaleState = { value: initial, steady: -1 };
  const [factor, steady] = [known.value, known.steady].map((number) => tensor(device, [number], [1]));
  return {
    factor,
    reading: [factor, steady],
    next: (control) => moveLossScale({ factor, steady }, control, rule),
    heard(numbers) {
      known = { value: numbers[0], steady: numbers[1] };
      return known;
    },
    state: () => known,
    restore(state) {
      known = state;
      overwrite(factor, Float32Array.of(state.value));
      overwrite(steady, Float32Array.of(state.steady));
    },
    dispose() {
      factor.dispose();
      steady.dispose();
    },
  };
}

/** What is differentiated, times the loss scale; what is reported stays. Runs inside of what is differentiated. */
export function scaled<Terms extends { readonly loss: Tensor }>(terms: Terms, scale: LossScale | undefined): Terms {
  return scale ? { ...terms, loss: mul(terms.loss, scale.factor) } : terms;
}

/** Why a step updated nothing. */
export const overflowReason = (what: string, next: number): string =>
  `${what} overflowed in f16; the loss scale goes down to ${next}`;
