/** The matting Laplacian: its matrix, its loss and its gradient. */

import { affine, clamp, type LapTable, lapTable, mattingLaplacian, mul, sum } from '../../../../kernels/index.ts';
import { lapMatrixRef } from '../../../../kernels/matting-laplacian/reference.ts';
import type { Builder } from '../../context.ts';
import { take, withTensors } from '../../device.ts';
import { type Value, value } from '../../values.ts';
import { answers, pixelsOf } from '../answers.ts';

const matting: Builder = {
  async run({ config, inputs }) {
    const image = inputs.get('image');
    const [height, width] = image.shape;
    const table = lapTable(pixelsOf(image), width, height, config.win_rad as number, config.eps as number);
    const v = inputs.get('v');
    const plain = await lossAndGradient(table, v, config.lap_weight as number, config.clamp as number);
    const picture = ownPlanes(table);
    const own = await lossAndGradient(table, picture, 1, 1);
    return answers({
      'output laplacian': await denseMatrix(table),
      'loss lap': plain.loss,
      'gradient of input v': plain.gradient,
      'output grad_weighted_clamped': plain.clamped,
      'loss lap (v = image/255)': own.loss,
      'gradient of input v (v = image/255)': asStored(table, picture, own.gradient),
    });
  },
};

/** vᵀLv / HW and 2Lv / HW, summed over the channels of v [C, H, W]. */
function lossAndGradient(table: LapTable, v: Value, weight: number, limit: number) {
  const [channels, height, width] = v.shape;
  const area = height * width;
  return withTensors([value([1, channels, height, width], v.data)], async ([x]) => {
    const lv = mattingLaplacian(table, x);
    const gradient = affine(lv, { scale: 2 / area });
    const made = { loss: affine(sum(mul(x, lv)), { scale: 1 / area }), gradient };
    const clamped = clamp(affine(gradient, { scale: weight }), -limit, limit);
    const shaped = async (t: typeof lv) => value(v.shape, (await take(t)).data);
    lv.dispose();
    return {
      loss: value([1], (await take(made.loss)).data),
      clamped: await shaped(clamped),
      gradient: await shaped(gradient),
    };
  });
}

/** All of L: what the device makes of the unit vectors, one a channel. */
function denseMatrix(table: LapTable): Promise<Value> {
  const { width, height } = table;
  const count = width * height;
  const units = Float32Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
  return withTensors([value([1, count, height, width], units)], async ([identity]) =>
    value([count, count], (await take(mattingLaplacian(table, identity))).data),
  );
}

/** image / 255, [3, H, W]. */
function ownPlanes({ pixels, width, height }: LapTable): Value {
  const planes = [0, 8, 16].flatMap((shift) => Array.from(pixels, (pixel) => ((pixel >> shift) & 255) / 255));
  return value([3, height, width], Float32Array.from(planes));
}

/** Rounding units of Σ_j |L_ij v_j| that the device may be off by. */
const UNITS = 4;

/**
 * What the original stores as the gradient at v = image / 255. There L v all but vanishes: its terms are up to 10⁶ times
 * as large, and what the original stores is mostly its own float32 rounding, 0.7 % and 12 % of the whole in the golden
 * cases. No other way of computing L v can share that; so the device's gradient is held against the exact one, to the
 * rounding of float32, and then the original's rounding of the exact matrix is answered: entries as float32, rows summed
 * from the left with one rounding a term.
 *
 * @throws Error when the device's gradient is not the exact one, rounded
 */
function asStored(table: LapTable, v: Value, device: Value): Value {
  const { data: matrix, shape } = lapMatrixRef(table);
  const count = shape[0];
  const stored = new Float32Array(v.data.length);
  for (let at = 0; at < stored.length; at++) {
    const row = matrix.subarray((at % count) * count, ((at % count) + 1) * count);
    const x = v.data.subarray(at - (at % count), at - (at % count) + count);
    let [exact, size, rounded] = [0, 0, 0];
    row.forEach((entry, j) => {
      exact += entry * x[j];
      size += Math.abs(entry * x[j]);
      rounded = Math.fround(rounded + Math.fround(entry) * x[j]);
    });
    const error = Math.abs((device.data[at] * count) / 2 - exact);
    if (!(error <= UNITS * 2 ** -24 * size)) {
      throw new Error(
        `L v on the device is ${error} off at element ${at}, where float32 allows ${UNITS * 2 ** -24 * size}.`,
      );
    }
    stored[at] = (2 * rounded) / count;
  }
  return value(v.shape, stored);
}

export const mattingKinds: Readonly<Record<string, Builder>> = { 'cap-vstnet/matting-laplacian': matting };
