/** The engine, kernels and models in a browser, each compared with what Node computes of the same numbers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scope, tensor } from '../../engine/index.ts';
import { encode } from '../../models/cap-vstnet/network.ts';
import { stylize } from '../../models/cap-vstnet/stylize.ts';
import { testDevice } from '../support/device.ts';
import type { Computed, Executor } from '../support/executor.ts';
import { checkForward, checkGradients } from '../support/op-checks.ts';
import type { DrawnInput } from '../support/samples.ts';
import { makeSmallNetwork, trainSmall } from '../support/small-network.ts';
import { largestDifference, planarScene, SMALL, smallNet } from '../support/small-vstnet.ts';
import { describeSample, mapValues, subjects, usesHalf } from '../support/subjects.ts';
import { bundle } from './bundle.ts';
import { findChromium, type OpenPage, openPage } from './chromium.ts';
import type { Calls, Plain } from './page.ts';

const chromium = findChromium();
if (!chromium) {
  console.log('browser: skipped: no Chromium on the path. Install one, or name it in MIAOBI_CHROMIUM.');
}

let open: OpenPage;

/** Calls a function of page.ts. */
function call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]> {
  const inPage = ([wanted, given]: [Name, Parameters<Calls[Name]>]) => {
    const { calls } = globalThis as unknown as { calls: Record<string, (...args: unknown[]) => unknown> };
    return calls[wanted](...given);
  };
  return open.page.evaluate(inPage as (arg: unknown) => unknown, [name, args]) as ReturnType<Calls[Name]>;
}

const plain = (drawn: Record<string, DrawnInput>) =>
  mapValues(drawn, ({ ref, dtype }): Plain => ({ shape: ref.shape, dtype, data: Array.from(ref.data) }));
const computed = (values: Readonly<Record<string, Plain>>) =>
  mapValues(values, (one): Computed => {
    const data = one.dtype === 'u32' ? Uint32Array.from(one.data) : Float32Array.from(one.data);
    return { ...one, data };
  });

const inBrowser: Executor = {
  f16: false,
  run: async ({ name, samples }, drawn, sample) =>
    computed(await call('run', name, samples.indexOf(sample), plain(drawn))),
  gradients: async ({ name, samples }, drawn, cotangents, sample) =>
    computed(await call('gradients', name, samples.indexOf(sample), plain(drawn), plain(cotangents))),
};

describe.skipIf(!chromium)('in a browser', () => {
  beforeAll(async () => {
    open = await openPage(chromium!, await bundle(['test/browser/page.ts']));
  });
  afterAll(() => open?.close());

  it('a device is acquired', async () => {
    const { info, capabilities } = await call('acquire');
    expect(info.description).toContain(info.vendor);
    expect(capabilities.maxBindingBytes).toBeGreaterThanOrEqual(2 ** 27);
  });

  it('every shader that the device takes compiles without a message', async () => {
    const { kernels, shaders, missed, messages } = await call('compile');
    expect(messages).toEqual([]);
    expect(missed).toEqual([]);
    expect(kernels).toBeGreaterThan(100);
    expect(shaders).toBeGreaterThan(4 * kernels);
  });

  // one sample of each is enough to see it run here: what the numbers are for all of them, the tests in Node look at
  for (const subject of subjects()) {
    const { samples } = subject;
    const index = samples.findIndex(
      (one) => !one.bench && (!one.dtypes || one.dtypes.includes('f32')) && !usesHalf(one, 'f32'),
    );
    if (index < 0) continue;
    const sample = samples[index];
    it(`${subject.name} computes its definition: ${describeSample(sample)}`, () =>
      checkForward(inBrowser, subject, sample, 'f32', index + 1));
    if (subject.differentiable && sample.gradient !== false) {
      it(`${subject.name} has the gradient of its definition: ${describeSample(sample)}`, () =>
        checkGradients(inBrowser, subject, sample, 'f32', index + 1));
    }
  }

  it.each(['photo', 'art', 'deep'] as const)(
    'CAP-VSTNet (%s) gives a picture back, by the latent of Node',
    async (kind) => {
      const [width, height] = [32, 24];
      const { error, latent } = await call('roundTrip', kind, width, height);
      expect(error).toBeLessThan(1e-4);
      const net = smallNet(await testDevice(), SMALL[kind]);
      const { planar } = planarScene(width, height, 1);
      const z = scope(() => encode(net.params, net.config, tensor(net.device, planar, [1, 3, height, width])));
      expect(latent.shape).toEqual(z.shape);
      expect(largestDifference(latent.data, await z.data())).toBeLessThan(1e-4);
      expect(Math.max(...latent.data)).toBeGreaterThan(0.1);
    },
  );

  it('a picture is repainted as in Node', async () => {
    const painted = await call('repaint', 'photo', 30, 22);
    const content = planarScene(30, 22, 1);
    const styles = [{ picture: planarScene(21, 34, 2), weight: 1 }];
    const want = await stylize(smallNet(await testDevice(), SMALL.photo), content, styles);
    expect(largestDifference(painted, want)).toBeLessThan(1e-4);
    expect(largestDifference(painted, content.planar)).toBeGreaterThan(0.01);
  });

  it('a network trains by the losses of Node', async () => {
    const losses = await call('train', 5);
    const device = await testDevice();
    const want = await trainSmall(device, makeSmallNetwork(device), 5);
    for (const [i, loss] of losses.entries()) expect(Math.abs(loss - want[i])).toBeLessThan(1e-5 * want[i]);
    expect(losses[4]).toBeLessThan(losses[0]);
  });

  it('nothing is left on the device, and nothing was complained of', async () => {
    expect(await call('held')).toEqual({ tensors: 0, bytes: 0 });
    expect(open.complaints).toEqual([]);
  });
});
