import { type Device, grad, scope, type Tensor, tensor } from '../../engine/index.ts';
import { affine, conv2d, leakyRelu, matmul, mean, reshape, square, sub, tanh } from '../../kernels/index.ts';
import { generator, normal } from './samples.ts';

/** A network small enough to train in every test that needs one: two convolutions, a matmul, a mean square error. */
export interface SmallNetwork {
  readonly params: { readonly conv: Tensor; readonly bias: Tensor; readonly head: Tensor };
  readonly x: Tensor;
  readonly target: Tensor;
}

export function makeSmallNetwork(device: Device, seed = 1): SmallNetwork {
  const random = generator(seed);
  const make = (...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b);
    return tensor(
      device,
      Float32Array.from({ length: size }, () => 0.3 * normal(random)),
      shape,
    );
  };
  const params = { conv: make(4, 3, 3, 3), bias: make(4), head: make(4 * 36, 5) };
  return { params, x: make(2, 3, 6, 6), target: make(2, 5) };
}

function loss({ conv, bias, head }: SmallNetwork['params'], x: Tensor, target: Tensor): Tensor {
  const h = scope(() => leakyRelu(conv2d(x, { weight: conv, bias }, { padding: 1 }), 0.2));
  const y = scope(() => tanh(matmul(reshape(h, [2, 4 * 36]), head)));
  return mean(square(sub(y, target)));
}

/** One step of gradient descent: the loss and the new parameters; everything else is freed. */
export function trainStep({ params, x, target }: SmallNetwork): { loss: Tensor; params: SmallNetwork['params'] } {
  return scope(() => {
    const { value, grads } = grad(loss)(params, x, target);
    const next = (w: Tensor, g: Tensor) => sub(w, affine(g, { scale: 0.05 }));
    return {
      loss: value,
      params: {
        conv: next(params.conv, grads.conv),
        bias: next(params.bias, grads.bias),
        head: next(params.head, grads.head),
      },
    };
  });
}

/** Trains for some steps and returns the losses; the parameters of the network are replaced step by step. */
export async function trainSmall(device: Device, network: SmallNetwork, steps: number): Promise<number[]> {
  let { params } = network;
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const result = trainStep({ ...network, params });
    if (i > 0) for (const p of Object.values(params)) p.dispose();
    params = result.params;
    losses.push(await result.loss.item());
    result.loss.dispose();
  }
  for (const p of Object.values(params)) p.dispose();
  await device.finish();
  return losses;
}
