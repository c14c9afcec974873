/** The temporal loss: synthetic flows, warping along them, and what the loss sends back. */

import { vjp } from '../../../../engine/index.ts';
import { full, warp, warpField } from '../../../../kernels/index.ts';
import { fakeFlow } from '../../../../train/losses/motion.ts';
import { temporalLoss } from '../../../../train/losses/temporal.ts';
import type { Builder } from '../../context.ts';
import { take, withTensors } from '../../device.ts';
import { value } from '../../values.ts';
import { answers } from '../answers.ts';

const temporal: Builder = {
  run({ inputs }) {
    const { data, shape } = inputs.get('flow');
    const [height, width] = shape.slice(-2);
    const field = warpField(data, width, height);
    return withTensors(['x', 'stylized1', 'stylized2'].map(inputs.get), async ([x, first, second]) => {
      const { outputs, pull } = vjp(() => [temporalLoss(first, second, field)], [first, second]);
      const gradients = pull([full(first, outputs[0], 1)]);
      const [byFirst, bySecond] = await Promise.all(gradients.map((gradient) => gradient && take(gradient)));
      const found = answers({
        'output warped_x': await take(warp(x, field)),
        'output warped_stylized1': await take(warp(first, field)),
        'loss temporal': value([1], (await take(outputs[0])).data),
      });
      if (byFirst) found.set('gradient of input stylized1', byFirst);
      if (bySecond) found.set('gradient of input stylized2', bySecond);
      return found;
    });
  },
};

const flow: Builder = {
  run({ config, inputs }) {
    const { H, W, shift_x, shift_y } = config as Record<string, number>;
    return answers({
      'output flow': value([2, H, W], fakeFlow(H, W, inputs.get('coarse_noise').data, [shift_x, shift_y])),
    });
  },
};

export const temporalKinds: Readonly<Record<string, Builder>> = {
  'cap-vstnet/temporal': temporal,
  'cap-vstnet/fake-flow': flow,
};
