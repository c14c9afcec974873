import { describe, expect, it } from 'vitest';
import { type Shape, scope, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { full } from '../../kernels/index.ts';
import { featureMatching, ganLoss, kullbackLeibler } from '../../train/losses/gan.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();
const of = (values: number[], shape: Shape = [values.length]) => tensor(device, values, shape);

async function item(run: () => Tensor): Promise<number> {
  const t = scope(run);
  const value = await t.item();
  t.dispose();
  return value;
}

describe('adversarial losses', () => {
  const scales = [of([0.5, -2]), of([3])];

  it('are means over scales of means', async () => {
    expect(await item(() => ganLoss('hinge', 'D_real', scales))).toBeCloseTo((1.75 + 0) / 2, 6);
    expect(await item(() => ganLoss('hinge', 'D_fake', scales))).toBeCloseTo((0.75 + 4) / 2, 6);
    expect(await item(() => ganLoss('hinge', 'G', scales))).toBeCloseTo((0.75 - 3) / 2, 6);
    expect(await item(() => ganLoss('ls', 'D_fake', scales))).toBeCloseTo((2.125 + 9) / 2, 6);
    expect(await item(() => ganLoss('w', 'D_real', scales))).toBeCloseTo((0.75 - 3) / 2, 6);
    const logistic = (x: number) => Math.log1p(Math.exp(x));
    expect(await item(() => ganLoss('original', 'G', scales))).toBeCloseTo(
      ((logistic(-0.5) + logistic(2)) / 2 + logistic(-3)) / 2,
      5,
    );
  });

  it('halve the gradient where a hinge is met exactly', async () => {
    const p = of([1, 0, 2]);
    const gradient = scope(() => {
      const { outputs, pull } = vjp(() => [ganLoss('hinge', 'D_real', [p])] as const, [p]);
      return pull([full(outputs[0], outputs[0], 1)])[0] as Tensor;
    });
    const third = Math.fround(1 / 3);
    expect([...(await gradient.data())].map((x) => x / third)).toEqual([-0.5, -1, 0]);
  });
});

describe('feature matching', () => {
  it('leaves the prediction out and sends no gradient to the real features', async () => {
    const fake = [[of([1, 2]), of([9])]];
    const real = [[of([0, 4]), of([1])]];
    expect(await item(() => featureMatching(fake, real))).toBeCloseTo(1.5, 6);
    const flows = scope(() => {
      const { outputs, pull } = vjp(() => [featureMatching(fake, real)] as const, [fake[0][0], real[0][0]]);
      return pull([full(outputs[0], outputs[0], 1)]).map((g) => g !== undefined);
    });
    expect(flows).toEqual([true, false]);
  });
});

describe('the divergence of a latent', () => {
  it('is summed, not averaged', async () => {
    const mu = of([1, 0, 0, 0], [2, 2]);
    const logvar = of([0, 0, 0, 1], [2, 2]);
    expect(await item(() => kullbackLeibler(mu, logvar))).toBeCloseTo(0.5 + 0.5 * (Math.E - 2), 5);
  });
});
