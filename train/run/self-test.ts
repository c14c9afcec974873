/** One training step so small that its numbers are known: what tells a working device from one that only answers. */
import { type Device, grad, scope, tensor } from '../../engine/index.ts';
import { add, affine, mean, mul, square, sub } from '../../kernels/index.ts';

export interface SelfTest {
  readonly passed: boolean;
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** largest difference of a gradient from the one computed on the host in double precision, relative to the largest */
  readonly gradientError: number;
  /** compilation of the shaders included */
  readonly milliseconds: number;
}

const COUNT = 1000;
const RATE = 0.25;
/** Sums of 1,000 single-precision terms; a device that computes something else is off by far more. */
const TOLERANCE = 1e-4;

/**
 * Fits a line to a thousand points with one step of gradient descent.
 *
 *     loss = mean((w · x + b - t)²),    w ← w - 0.25 · dloss/dw,    b likewise
 *
 * Passes when the gradients equal those of the host and the step brings the loss down.
 *
 * @throws DeviceLostError, GpuValidationError when the device fails on the way
 */
export async function selfTest(device: Device): Promise<SelfTest> {
  const xs = Float32Array.from({ length: COUNT }, (_, i) => Math.sin(i));
  const ts = Float32Array.from(xs, (x, i) => 1.5 * x - 0.25 + 0.1 * Math.cos(7 * i));
  const expected = lineGradient(xs, ts, 0.5, 0.5);
  const start = performance.now();
  const made = scope(() => {
    const x = tensor(device, xs, [COUNT]);
    const t = tensor(device, ts, [COUNT]);
    const loss = ({ w, b }: Line) => mean(square(sub(add(mul(w, x), b), t)));
    const line: Line = { w: tensor(device, [0.5], [1]), b: tensor(device, [0.5], [1]) };
    const { value, grads } = grad(loss)(line);
    const step = (parameter: Line['w'], gradient: Line['w']) => sub(parameter, affine(gradient, { scale: RATE }));
    const after = loss({ w: step(line.w, grads.w), b: step(line.b, grads.b) });
    return { before: value, after, dw: grads.w, db: grads.b };
  });
  const [lossBefore, lossAfter, dw, db] = await Promise.all(Object.values(made).map((one) => one.item()));
  for (const one of Object.values(made)) one.dispose();
  const largest = Math.max(Math.abs(expected.dw), Math.abs(expected.db));
  const gradientError = Math.max(Math.abs(dw - expected.dw), Math.abs(db - expected.db)) / largest;
  const passed = gradientError <= TOLERANCE && lossAfter < lossBefore;
  return { passed, lossBefore, lossAfter, gradientError, milliseconds: performance.now() - start };
}

type Line = { w: ReturnType<typeof tensor>; b: ReturnType<typeof tensor> };

/** dloss/dw = mean(2 · (w · x + b - t) · x), dloss/db = mean(2 · (w · x + b - t)) */
function lineGradient(xs: Float32Array, ts: Float32Array, w: number, b: number): { dw: number; db: number } {
  let dw = 0;
  let db = 0;
  for (let i = 0; i < xs.length; i++) {
    const error = w * xs[i] + b - ts[i];
    dw += (2 * error * xs[i]) / xs.length;
    db += (2 * error) / xs.length;
  }
  return { dw, db };
}
