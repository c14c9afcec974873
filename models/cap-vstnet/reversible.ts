import { customGradient, filled, scope, type Tensor, vjp } from '../../engine/index.ts';
import { addTo, cast, concat, padAxis, slice, squeeze, unsqueeze } from '../../kernels/index.ts';
import { type BlockSpec, type CapVstnetConfig, type CapVstnetPlan, planOf } from './config.ts';
import {
  type BlockParams,
  type CapVstnetParams,
  decodeStates,
  dropPad,
  encode,
  type Halves,
  halve,
  plusResidual,
} from './network.ts';

/**
 * The reverse sweep of one pass rebuilds every block's inputs from its outputs, so a pass keeps its last state alone:
 * memory does not grow with the number of blocks. The official code keeps all activations.
 *
 * @see Gomez et al. 2017, arXiv:1707.04585, section 3.2
 */

const blockLeaves = ({ conv }: BlockParams): Tensor[] =>
  [1, 4, 7].flatMap((i) => {
    const { weight, bias } = conv[i as 1 | 4 | 7];
    return [weight, bias];
  });

interface BlockGradient {
  /** the block's inputs, rebuilt */
  readonly inputs: Halves;
  readonly dInputs: Halves;
  /** one for each of `blockLeaves`, undefined where nothing flows */
  readonly dParams: readonly (Tensor | undefined)[];
}

/**
 * Back through (x1, x2) → (o0, o1) = (sq(x2), sq(x1) + F(x2)):
 *
 *     x2 = unsq(o0)   x1 = unsq(o1 − F(x2))   dx1 = unsq(d1)   dx2 = unsq(d0) + VJP_F(d1)
 */
export function reverseForward(
  params: BlockParams,
  spec: BlockSpec,
  [o0, o1]: Halves,
  [d0, d1]: Halves,
): BlockGradient {
  return scope(() => {
    const un = (t: Tensor) => (spec.stride === 2 ? unsqueeze(t) : t);
    const x2 = un(o0);
    const entering = cast(x2, spec.inner ?? x2.dtype);
    // o1 − F(x2) is on the tape, with the gradient of adding F(x2)
    const { outputs, pull } = vjp(
      () => [plusResidual(params, spec, entering, o1, -1, 1)],
      [entering, ...blockLeaves(params)],
    );
    const [throughF, ...dParams] = pull([d1]);
    const dx2 = throughF ? addTo(un(d0), throughF) : un(d0);
    return { inputs: [un(outputs[0]), x2], dInputs: [un(d1), dx2], dParams };
  });
}

/**
 * Back through the inverse block (o0, o1) → (x1, x2) = (unsq(o1 − F(x2)), unsq(o0)):
 *
 *     o0 = sq(x2)   o1 = sq(x1) + F(x2)   q = sq(d1)   do1 = q   do0 = sq(d2 − VJP_F(q))
 */
export function reverseInverse(
  params: BlockParams,
  spec: BlockSpec,
  [x1, x2]: Halves,
  [d1, d2]: Halves,
): BlockGradient {
  return scope(() => {
    const sq = (t: Tensor) => (spec.stride === 2 ? squeeze(t) : t);
    const q = sq(d1);
    const entering = cast(x2, spec.inner ?? x2.dtype);
    const { outputs, pull } = vjp(
      () => [plusResidual(params, spec, entering, sq(x1), 1, -1)],
      [entering, ...blockLeaves(params)],
    );
    // along q: −VJP_F(q)
    const [throughF, ...dParams] = pull([q]);
    const inner = throughF ? addTo(d2, throughF) : d2;
    return { inputs: [sq(x2), outputs[0]], dInputs: [sq(inner), q], dParams };
  });
}

type Reverse = (params: BlockParams, spec: BlockSpec, outputs: Halves, grads: Halves) => BlockGradient;

interface Step {
  /** place of the block's first leaf among the inputs of the pass */
  readonly firstInput: number;
  readonly params: BlockParams;
  readonly spec: BlockSpec;
}

interface ChainGradient {
  /** the chain's inputs, rebuilt */
  readonly inputs: Halves;
  readonly dInputs: Halves;
}

/** Back through steps in the order in which they ran. Hands over parameter gradients and frees each state as it goes. */
function reverseChain(
  steps: readonly Step[],
  reverse: Reverse,
  outputs: Halves,
  grads: Halves,
  emit: (i: number, grad: Tensor) => void,
): ChainGradient {
  let state = outputs;
  let flowing = grads;
  for (let i = steps.length - 1; i >= 0; i--) {
    const found = reverse(steps[i].params, steps[i].spec, state, flowing);
    for (const old of [...state, ...flowing]) {
      const alive = [...outputs, ...grads, ...found.inputs, ...found.dInputs].includes(old);
      if (!alive) old.dispose();
    }
    state = found.inputs;
    flowing = found.dInputs;
    found.dParams.forEach((grad, leaf) => {
      if (grad) emit(steps[i].firstInput + leaf, grad);
      grad?.dispose();
    });
  }
  return { inputs: state, dInputs: flowing };
}

/** Leaves of a block: three weights and three biases. */
const LEAVES = 6;

/** The blocks of a pass with the places of their leaves among its inputs: the tensor that enters, then all leaves. */
function stepsOf(params: CapVstnetParams, plan: CapVstnetPlan): { stack: Step[]; refinement: Step[] } {
  const stack = plan.blocks.map((spec, i) => ({ params: params.stack[i], spec, firstInput: 1 + LEAVES * i }));
  const refinement = plan.refinement.map((spec, i) => ({
    params: params.channel_reduction.block_list[i],
    spec,
    firstInput: 1 + LEAVES * (stack.length + i),
  }));
  return { stack, refinement };
}

const leavesOf = (steps: readonly Step[]): Tensor[] => steps.flatMap(({ params }) => blockLeaves(params));

function times(count: number, step: (t: Tensor) => Tensor, t: Tensor): Tensor {
  let out = t;
  for (let i = 0; i < count; i++) out = step(out);
  return out;
}

/** `encode` whose reverse sweep rebuilds what it needs from z. */
export function encodeReversible(params: CapVstnetParams, config: CapVstnetConfig, x: Tensor): Tensor {
  const plan = planOf(config);
  const { stack, refinement } = stepsOf(params, plan);
  const [z] = customGradient({
    name: 'encode',
    inputs: [x, ...leavesOf(stack), ...leavesOf(refinement)],
    forward: () => [encode(params, config, x)] as const,
    saves: ([latent]) => [latent],
    backward: ([dz], [latent], _, emit) => {
      const squeezed = (t: Tensor) => halve(times(config.spSteps, squeeze, t));
      const refined = reverseChain(refinement, reverseForward, squeezed(latent), squeezed(dz as Tensor), emit);
      const drop = (halves: Halves) => dropPad({ ...plan, spSteps: config.spSteps }, halves);
      const later = reverseChain(stack.slice(1), reverseForward, drop(refined.inputs), drop(refined.dInputs), emit);
      // the first block hands on the second half of the padded picture, which is zero: exactly, not as rebuilt
      const [o0, o1] = later.inputs;
      const state: Halves = [filled(o0, o0, 0), o1];
      const { dInputs } = reverseChain(stack.slice(0, 1), reverseForward, state, later.dInputs, emit);
      return [slice(dInputs[0], { axis: 1, end: config.inChannel })];
    },
  });
  return z;
}

/**
 * `decode` whose reverse sweep rebuilds what it needs from the last state with all its channels: the picture alone is
 * not enough, for 29 channels of it are dropped. A padded refinement keeps its state too.
 */
export function decodeReversible(params: CapVstnetParams, config: CapVstnetConfig, z: Tensor): Tensor {
  const plan = planOf(config);
  const { stack, refinement } = stepsOf(params, plan);
  const padded = plan.refinementPad > 0;
  return scope(() => {
    const [picture] = customGradient({
      name: 'decode',
      inputs: [z, ...leavesOf(stack), ...leavesOf(refinement)],
      forward: () => {
        const { refined, last } = decodeStates(params, config, z);
        const out = slice(last[0], { axis: 1, end: config.inChannel });
        return padded ? [out, ...last, ...refined] : [out, ...last];
      },
      saves: ([, ...states]) => states,
      backward: ([dPicture], [x1, x2, ...kept], _, emit) => {
        const d1 = padAxis(dPicture as Tensor, 1, 0, x1.shape[1] - config.inChannel);
        const d2 = filled(x2, x2, 0);
        const blocks = reverseChain([...stack].reverse(), reverseInverse, [x1, x2], [d1, d2], emit);
        const grow = (t: Tensor) => (padded ? padAxis(t, 1, 0, plan.refinementPad) : t);
        const state: Halves = padded ? [kept[0], kept[1]] : blocks.inputs;
        const grads: Halves = [grow(blocks.dInputs[0]), grow(blocks.dInputs[1])];
        const { dInputs } = reverseChain([...refinement].reverse(), reverseInverse, state, grads, emit);
        return [times(config.spSteps, unsqueeze, concat(dInputs, 1))];
      },
    });
    return picture;
  });
}
