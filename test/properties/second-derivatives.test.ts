import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Ref, scope, type Tensor, vjp } from '../../engine/index.ts';
import { geometryOf, PLAIN_WINDOW, type Window } from '../../kernels/conv2d/geometry.ts';
import { convRef, transposedRef } from '../../kernels/conv2d/reference.ts';
import { conv2d, convTranspose2d, full, matmul, square, sum, tanh } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { draw, generator, normals, toTensor } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

// The penalty P(x, w) = ‖∂ Σ tanh(f(x, w)) / ∂x‖² is what gradient-penalty losses differentiate: its own gradient needs the
// derivative of f's derivative.
describe('the gradient of a gradient penalty agrees with differences in float64', () => {
  it.each<[string, number[], number[], Partial<Window>]>([
    ['conv2d', [1, 3, 6, 7], [4, 3, 3, 3], { padding: 1 }],
    ['conv2d, reflect', [1, 3, 6, 7], [4, 3, 3, 3], { padding: 1, paddingMode: 'reflect' }],
    ['conv2d, stride and groups', [2, 4, 7, 6], [6, 2, 3, 3], { stride: 2, padding: 1, groups: 2 }],
  ])('%s', async (_, x, weight, given) => {
    const window = { ...PLAIN_WINDOW, ...given };
    const g = geometryOf('test', x, weight, window);
    await checkPenalty(
      { x, weight },
      ({ x, weight }) => conv2d(x, { weight }, window),
      ({ x, weight }) => {
        const y = convRef(x, weight, g);
        return transposedRef({ shape: y.shape, data: y.data.map(slope) }, weight, g);
      },
    );
  });

  it('convTranspose2d', async () => {
    // as the transpose of a convolution [1, 4, 9, 11] → [1, 3, 5, 6]
    const window = { ...PLAIN_WINDOW, stride: 2, padding: 1 };
    const g = geometryOf('test', [1, 4, 9, 11], [3, 4, 3, 3], window);
    await checkPenalty(
      { x: [1, 3, 5, 6], weight: [3, 4, 3, 3] },
      ({ x, weight }) => convTranspose2d(x, { weight }, window),
      ({ x, weight }) => {
        const y = transposedRef(x, weight, g);
        return convRef({ shape: y.shape, data: y.data.map(slope) }, weight, g);
      },
    );
  });

  it('matmul', async () => {
    const [m, k, n] = [5, 6, 7];
    await checkPenalty(
      { x: [m, k], weight: [n, k] },
      ({ x, weight }) => matmul(x, weight, { transposeB: true }),
      ({ x, weight }) => {
        const data = new Float64Array(m * k);
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let y = 0;
            for (let c = 0; c < k; c++) y += x.data[i * k + c] * weight.data[j * k + c];
            for (let c = 0; c < k; c++) data[i * k + c] += slope(y) * weight.data[j * k + c];
          }
        }
        return { shape: [m, k], data };
      },
    );
  });
});

type Names = 'x' | 'weight';

const ones = (like: Tensor) => full(like, like, 1);
/** d tanh(y) / dy */
const slope = (y: number) => 1 - Math.tanh(y) ** 2;

async function checkPenalty(
  shapes: Record<Names, number[]>,
  f: (inputs: Record<Names, Tensor>) => Tensor,
  gradientRef: (inputs: Record<Names, Ref>) => Ref,
): Promise<void> {
  const random = generator(17);
  const drawn = {
    x: draw(shapes.x, 'f32', random),
    weight: draw({ shape: shapes.weight, scale: 0.3 }, 'f32', random),
  };
  const inputs = { x: toTensor(device, drawn.x), weight: toTensor(device, drawn.weight) };
  const gradients = scope(() => {
    const penalty = vjp(() => {
      const inner = vjp(() => [sum(tanh(f(inputs)))], [inputs.x]);
      const [dx] = inner.pull([ones(inner.outputs[0])]);
      return [sum(square(dx as Tensor))];
    }, [inputs.x, inputs.weight]);
    return penalty.pull([ones(penalty.outputs[0])]) as Tensor[];
  });
  const penaltyRef = (at: Record<Names, Ref>) => gradientRef(at).data.reduce((total, v) => total + v * v, 0);
  for (const [i, name] of (['x', 'weight'] as const).entries()) {
    const direction = normals(random, shapes[name]);
    const step = 1e-5;
    const at = (t: number) => {
      const { ref } = drawn[name];
      const moved = { shape: ref.shape, data: ref.data.map((v, j) => v + t * direction.data[j]) };
      return penaltyRef({ x: drawn.x.ref, weight: drawn.weight.ref, [name]: moved });
    };
    const want = (at(step) - at(-step)) / (2 * step);
    const gradient = await gradients[i].data();
    let got = 0;
    let scale = 0;
    for (let j = 0; j < gradient.length; j++) {
      got += gradient[j] * direction.data[j];
      scale += (gradient[j] * direction.data[j]) ** 2;
    }
    // three sums of up to a few hundred terms, one after the other
    expect(Math.abs(got - want), `d${name}: ${got}, by differences ${want}`).toBeLessThanOrEqual(
      2 ** -24 * 4 * 300 * Math.sqrt(scale) + 1e-7 * Math.abs(want),
    );
  }
  for (const tensor of [...gradients, ...Object.values(inputs)]) tensor.dispose();
}
