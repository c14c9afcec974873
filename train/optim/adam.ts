import { copyLeaves, type Flat, flatLike, leaves, type Tensor, type Tree } from '../../engine/index.ts';
import { adamUpdate, emaUpdate, fillInPlace, gradientGuard } from '../../kernels/index.ts';
import type { LossScale } from './loss-scale.ts';

export interface AdamConfig {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** eps is added to the root of the uncorrected second moment, as Jittor has it, not behind its correction: false */
  readonly rawEps?: boolean;
  readonly weightDecay?: number;
  readonly decoupled?: boolean;
  /** largest global norm of the gradients */
  readonly clipNorm?: number;
  /** decay of an exponential average of the parameters; none when left out */
  readonly ema?: number;
}

/** Parameters with their moments. `params` are views into flat buffers, updated in place. */
export interface Adam<P extends Tree> {
  readonly params: P;
  readonly moment1: P;
  readonly moment2: P;
  /** the gradients of the last update, before clipping, with the loss scale still in them */
  readonly gradients: P;
  /** the averaged parameters */
  readonly average: P | undefined;
  /**
   * Records one update. The gradients are no longer needed afterwards.
   *
   * @param lr         of this step
   * @param step       updates so far, this one included
   * @param info       u32: values above 0 forbid the update
   * @param lossScale  the gradients are this times too large; it is moved by whether they overflowed
   * @returns          control [scale, ok, norm, worst info], see `gradientGuard`
   */
  update(grads: P, lr: number, step: number, info?: Tensor, lossScale?: LossScale): Tensor;
  dispose(): void;
}

/** Takes over a tree of f32 parameters: copies it into flat buffers and starts with moments of zero. */
export function adam<P extends Tree>(initial: P, config: AdamConfig = {}): Adam<P> {
  const {
    betas = [0.9, 0.999],
    eps = 1e-8,
    rawEps = false,
    weightDecay = 0,
    decoupled = false,
    clipNorm,
    ema,
  } = config;
  const [param, moment1, moment2, grad] = [0, 1, 2, 3].map(() => zeroFlat(initial));
  const average = ema === undefined ? undefined : zeroFlat(initial);
  copyLeaves(param.views, initial);
  if (average) copyLeaves(average.views, initial);
  return {
    params: param.views,
    moment1: moment1.views,
    moment2: moment2.views,
    gradients: grad.views,
    average: average?.views,
    update(grads, lr, step, info, lossScale) {
      return param.buffers[0].device.recorder.inPhase('optimiser', () => {
        copyLeaves(grad.views, grads);
        // √v / c + eps / c = (√v + eps) / c, with c = √(1 − β2^t)
        const correctedEps = rawEps ? eps / Math.sqrt(1 - betas[1] ** step) : eps;
        const control = gradientGuard(grad.buffers, { maxNorm: clipNorm, info, lossScale: lossScale?.factor });
        param.buffers.forEach((_, i) => {
          const slice = {
            param: param.buffers[i],
            grad: grad.buffers[i],
            moment1: moment1.buffers[i],
            moment2: moment2.buffers[i],
          };
          adamUpdate(slice, control, { lr, betas, eps: correctedEps, weightDecay, decoupled, step });
          if (average && ema !== undefined) emaUpdate(average.buffers[i], param.buffers[i], control, ema);
        });
        lossScale?.next(control);
        return control;
      });
    },
    dispose() {
      for (const flat of [param, moment1, moment2, grad, average]) if (flat) disposeFlat(flat);
    },
  };
}

/** Flat buffers of zeros, gaps included: sums over whole buffers then see the leaves alone. */
function zeroFlat<P extends Tree>(tree: P): Flat<P> {
  const flat = flatLike(tree);
  for (const buffer of flat.buffers) fillInPlace(buffer, 0);
  return flat;
}

function disposeFlat({ buffers, views }: Flat<Tree>): void {
  for (const tensor of [...leaves(views).map(([, view]) => view), ...buffers]) tensor.dispose();
}
