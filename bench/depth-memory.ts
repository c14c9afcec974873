/**
 * Peak memory of CAP-VSTNet's training passes against depth: reversible (activations rebuilt in the reverse sweep) beside
 * stored (all activations kept, as the original does), by the pool's counters; how far their gradients differ, and how far
 * those of stored passes differ from themselves when the picture moves by rounding alone.
 *
 *   tsx bench/depth-memory.ts [SIZE] [GAIN] [GRID]
 *
 * Weights are uniform in ±GAIN/√fan_in; 1 is where training begins. GRID is that of training unless another is given; 0
 * rounds nothing.
 */
import { acquireDevice } from '../engine/device/node.ts';
import { type Device, grad, leaves, mib, scope, sizeOf, type Tensor, tensor } from '../engine/index.ts';
import { randomUniforms } from '../engine/random.ts';
import { mean, square, sub } from '../kernels/index.ts';
import { CAP_VSTNET, type CapVstnetConfig, type ParameterSpec, TRAINING_GRID } from '../models/cap-vstnet/config.ts';
import { type CapVstnetParams, decode, encode } from '../models/cap-vstnet/network.ts';
import { parametersFrom } from '../models/cap-vstnet/parameters.ts';
import { decodeReversible, encodeReversible } from '../models/cap-vstnet/reversible.ts';
import { transfer } from '../models/cap-vstnet/transfer.ts';
import { toPlanar } from '../train/data/image/picture.ts';
import { drawLandscape, type MoodName } from '../train/data/synth/landscape.ts';

type Pass = (params: CapVstnetParams, config: CapVstnetConfig, x: Tensor) => Tensor;

const size = Number(process.argv[2] ?? 64);
const gain = Number(process.argv[3] ?? 1);
const grid = Number(process.argv[4] ?? TRAINING_GRID);
const device = await acquireDevice();
const upload = (planar: Float32Array) => tensor(device, planar, [1, 3, size, size]);
const planes = (mood: MoodName) => toPlanar(drawLandscape(size, size, 1, mood));
const [content, style, moved] = [planes('noon'), planes('dusk'), rounded(planes('noon'))].map(upload);

console.log(
  `| blocks | stored, peak | reversible, peak | ratio | gradients differ by | stored ones, last bits of the picture changed |`,
);
console.log(`|---:|---:|---:|---:|---:|---:|`);
for (const blocks of [10, 30, 60]) {
  const third = Math.floor(blocks / 3);
  const config = { ...CAP_VSTNET.photo, nBlocks: [blocks - 2 * third, third, third], grid };
  const params = parametersFrom(device, config, spread);
  const stored = await measure(device, params, config, encode, decode, content);
  const reversible = await measure(device, params, config, encodeReversible, decodeReversible, content);
  const again = await measure(device, params, config, encode, decode, moved);
  const ratio = (stored.peak / reversible.peak).toFixed(1);
  const [difference, noise] = [reversible, again].map(({ grads }) => relative(grads, stored.grads).toExponential(1));
  console.log(`| ${blocks} | ${mib(stored.peak)} | ${mib(reversible.peak)} | ${ratio} | ${difference} | ${noise} |`);
  for (const [, leaf] of leaves(params as never)) leaf.dispose();
}
device.destroy();

/** Weights and biases of one size: with biases every latent channel varies. */
function spread({ shape, fanIn }: ParameterSpec, index: number): Float32Array {
  const bound = gain / Math.sqrt(fanIn);
  return randomUniforms({ seed: 2, step: 0, op: index }, sizeOf(shape)).map((u) => (2 * u - 1) * bound);
}

/** The same values, each by at most one unit of f32 off: what rounding alone may do to a picture. */
function rounded(planar: Float32Array): Float32Array {
  const steps = randomUniforms({ seed: 3, step: 0, op: 0 }, planar.length);
  return planar.map((x, i) => x * (1 + Math.sign(steps[i] - 0.5) * 2 ** -24));
}

/** Peak bytes beyond parameters and their gradients, of encode, transfer, decode and the sweep back. */
async function measure(
  on: Device,
  params: CapVstnetParams,
  config: CapVstnetConfig,
  enc: Pass,
  dec: Pass,
  picture: Tensor,
) {
  await on.finish();
  on.pool.resetPeaks();
  const before = on.pool.stats.usedBytes;
  const loss = (p: CapVstnetParams) => {
    const mapped = transfer(enc(p, config, picture), enc(p, config, style)).out;
    return mean(square(sub(dec(p, config, mapped), picture)));
  };
  const { value, grads } = scope(() => grad(loss as never)(params as never)) as { value: Tensor; grads: never };
  const list = leaves(grads).map(([, leaf]) => leaf);
  const gradientBytes = on.pool.stats.usedBytes - before;
  const peak = on.pool.stats.peakUsedBytes - before - gradientBytes;
  const values: Float32Array[] = [];
  for (const leaf of list) values.push((await leaf.data()) as Float32Array);
  for (const leaf of [value, ...list]) leaf.dispose();
  return { peak, grads: values };
}

function relative(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let difference = 0;
  let norm = 0;
  a.forEach((leaf, k) => {
    leaf.forEach((x, i) => {
      difference += (x - b[k][i]) ** 2;
      norm += b[k][i] ** 2;
    });
  });
  return Math.sqrt(difference / norm);
}
