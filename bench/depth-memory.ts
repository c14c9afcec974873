/**
 * Peak memory of CAP-VSTNet's training passes against depth: reversible (activations rebuilt in the reverse sweep) beside
 * stored (all activations kept, as the original does), by the pool's counters; and how far their gradients differ.
 *
 *   tsx bench/depth-memory.ts [SIZE]
 */
import { acquireDevice } from '../engine/device/node.ts';
import { type Device, grad, leaves, mib, scope, sizeOf, type Tensor, tensor } from '../engine/index.ts';
import { randomUniforms } from '../engine/random.ts';
import { abs, mean, sub } from '../kernels/index.ts';
import { CAP_VSTNET, type CapVstnetConfig, type ParameterSpec } from '../models/cap-vstnet/config.ts';
import { type CapVstnetParams, decode, encode } from '../models/cap-vstnet/network.ts';
import { parametersFrom } from '../models/cap-vstnet/parameters.ts';
import { decodeReversible, encodeReversible } from '../models/cap-vstnet/reversible.ts';
import { transfer } from '../models/cap-vstnet/transfer.ts';
import { toPlanar } from '../train/data/image/picture.ts';
import { drawLandscape, type MoodName } from '../train/data/synth/landscape.ts';

type Pass = (params: CapVstnetParams, config: CapVstnetConfig, x: Tensor) => Tensor;

const size = Number(process.argv[2] ?? 64);
const device = await acquireDevice();
const picture = (mood: MoodName) => tensor(device, toPlanar(drawLandscape(size, size, 1, mood)), [1, 3, size, size]);
const [content, style] = [picture('noon'), picture('dusk')];

console.log(`| blocks | stored, peak | reversible, peak | ratio | gradients differ by |\n|---|---|---|---|---|`);
for (const blocks of [10, 30, 60]) {
  const third = Math.floor(blocks / 3);
  const config = { ...CAP_VSTNET.photo, nBlocks: [blocks - 2 * third, third, third] };
  const params = parametersFrom(device, config, spread);
  const stored = await measure(device, params, config, encode, decode);
  const reversible = await measure(device, params, config, encodeReversible, decodeReversible);
  const ratio = (stored.peak / reversible.peak).toFixed(1);
  const difference = relative(reversible.grads, stored.grads).toExponential(1);
  console.log(`| ${blocks} | ${mib(stored.peak)} | ${mib(reversible.peak)} | ${ratio} | ${difference} |`);
  for (const [, leaf] of leaves(params as never)) leaf.dispose();
}
device.destroy();

/** Weights at which every latent channel varies: the transfer is then well conditioned and gradients can be compared. */
function spread({ shape, fanIn }: ParameterSpec, index: number): Float32Array {
  const bound = 1.5 / Math.sqrt(fanIn);
  return randomUniforms({ seed: 2, step: 0, op: index }, sizeOf(shape)).map((u) => (2 * u - 1) * bound);
}

/** Peak bytes beyond parameters and their gradients, of encode, transfer, decode and the sweep back. */
async function measure(on: Device, params: CapVstnetParams, config: CapVstnetConfig, enc: Pass, dec: Pass) {
  await on.finish();
  on.pool.resetPeaks();
  const before = on.pool.stats.usedBytes;
  const loss = (p: CapVstnetParams) => {
    const mapped = transfer(enc(p, config, content), enc(p, config, style)).out;
    return mean(abs(sub(dec(p, config, mapped), content)));
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
