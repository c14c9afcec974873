import { afterAll, expect, it } from 'vitest';
import { scope, type Tensor, tensor } from '../../engine/index.ts';
import { CAP_VSTNET, type CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import { decoderReach, encoderReach, haloOf } from '../../models/cap-vstnet/halo.ts';
import type { CapVstnet } from '../../models/cap-vstnet/latent.ts';
import { decode, encode } from '../../models/cap-vstnet/network.ts';
import { testDevice } from '../support/device.ts';
import { freeNet, SMALL, smallNet } from '../support/small-vstnet.ts';

const device = await testDevice();
const nets = Object.entries(SMALL).map(([name, config]) => [name, smallNet(device, config)] as const);
afterAll(() => nets.forEach(([, net]) => void freeNet(net)));

const HEIGHT = 16;

/**
 * How far one element is felt. Inputs are zero but for one column and biases are zero, so the output is exactly zero
 * where that column is not seen, however little of it arrives elsewhere.
 *
 * @returns  `before` and `after` as elements of the output see the input, in pixels
 */
async function felt(
  net: CapVstnet,
  run: (x: Tensor) => Tensor,
  from: { channels: number; scale: number },
  toScale: number,
): Promise<{ before: number; after: number }> {
  const width = 4 * Math.ceil((2 * haloOf(net.config) + 24) / 4);
  const [h, w] = [HEIGHT / from.scale, width / from.scale];
  const seen = { before: 0, after: 0 };
  for (let phase = 0; phase < net.plan.multiple / from.scale; phase++) {
    const column = Math.floor(w / 2 / 4) * 4 + phase;
    const values = new Float32Array(from.channels * h * w);
    for (let row = 0; row < from.channels * h; row++) values[row * w + column] = Math.sin(7 * row + 1);
    const y = scope(() => run(tensor(device, values, [1, from.channels, h, w])));
    const out = await y.data();
    y.dispose();
    const outWidth = width / toScale;
    out.forEach((value, i) => {
      if (value === 0) return;
      const distance = (i % outWidth) * toScale - column * from.scale;
      seen.before = Math.max(seen.before, distance);
      seen.after = Math.max(seen.after, -distance);
    });
  }
  return seen;
}

function expectNear(seen: { before: number; after: number }, bound: { before: number; after: number }, slack: number) {
  for (const side of ['before', 'after'] as const) {
    expect(seen[side], side).toBeLessThanOrEqual(bound[side]);
    expect(seen[side], side).toBeGreaterThanOrEqual(bound[side] - slack);
  }
}

it.each(nets)('covers what encoder and decoder see, and little more: %s', async (_, net) => {
  const { config, params, plan } = net;
  const picture = { channels: config.inChannel, scale: 1 };
  const latent = { channels: plan.latentChannels, scale: plan.latentScale };
  const encoded = await felt(net, (x) => encode(params, config, x), picture, plan.latentScale);
  expectNear(encoded, encoderReach(config), plan.multiple);
  const decoded = await felt(net, (z) => decode(params, config, z), latent, 1);
  expectNear(decoded, decoderReach(config), plan.multiple);
  const far = Math.max(...Object.values(encoderReach(config)), ...Object.values(decoderReach(config)));
  expect(haloOf(config) - far).toBeGreaterThanOrEqual(0);
  expect(haloOf(config) - far).toBeLessThan(plan.multiple);
  expect(haloOf(config) % plan.multiple).toBe(0);
});

it.each(Object.entries(CAP_VSTNET))('is at least the 232 pixels that impulses were seen to need: %s', (_, config) => {
  expect(encoderReach(config).before).toBeLessThanOrEqual(231);
  expect(haloOf(config)).toBe(240);
});

it('grows by six pixels with a block at half size', () => {
  const longer: CapVstnetConfig = { ...SMALL.photo, nBlocks: [2, 3] };
  expect(encoderReach(longer).before - encoderReach(SMALL.photo).before).toBe(6);
  expect(decoderReach(longer).after - decoderReach(SMALL.photo).after).toBe(6);
});
