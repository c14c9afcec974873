import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../engine/index.ts';
import { writeTermsOut } from '../../kernels/lib/tile.ts';
import { forceVariants, KINDS, VARIANTS, watchVariants } from '../../kernels/lib/variant.ts';
import { testDevice } from '../support/device.ts';
import { type Executor, executorOn } from '../support/executor.ts';
import { checkForward } from '../support/op-checks.ts';
import { describeSample, type Subject, subjects } from '../support/subjects.ts';
import { variantCases } from '../support/variant-cases.ts';

const OPS = ['conv2d', 'conv2dActivated', 'convTranspose2d', 'conv2dWeightGrad', 'matmul', 'matmulActivated'];

let device: Device;
let executor: Executor;
beforeAll(async () => {
  device = await testDevice();
  executor = executorOn(device);
});
afterEach(() => {
  forceVariants(undefined);
  watchVariants(undefined);
});

const subject = (name: string) => subjects().find((one) => one.name === name) as Subject;

describe.each(VARIANTS)('variant $name', ({ name, kinds, runs }) => {
  for (const kind of kinds) {
    const cases = variantCases.filter((one) => one.kind === kind);
    const ran = new Set<string>();
    it.each(cases)(`computes ${kind}: $op, $what`, async ({ op, sample, dtype = 'f32' }) => {
      if (!runs(device.capabilities)) return;
      forceVariants(name);
      watchVariants((variant, work) => ran.add(`${work.kind} ${variant.name}`));
      await checkForward(executor, subject(op), sample, dtype, 1);
    });
    it(`was what computed ${kind}`, () => {
      if (runs(device.capabilities)) expect(ran).toContain(`${kind} ${name}`);
    });
  }
});

describe('tiles with terms written out, as GPUs run them', () => {
  afterEach(() => writeTermsOut(false));
  for (const kind of KINDS) {
    const cases = variantCases.filter((one) => one.kind === kind && one.dtype === 'f32');
    it(`compute ${kind}`, async () => {
      forceVariants('tiled:32x32');
      writeTermsOut(true);
      for (const { op, sample } of cases) await checkForward(executor, subject(op), sample, 'f32', 1);
    });
  }
  it('compute products in blocks of 8 × 8', async () => {
    forceVariants('tiled:64x128');
    writeTermsOut(true);
    const inputs = { a: [70, 20], b: [20, 132] };
    await checkForward(executor, subject('matmul'), { inputs }, 'f32', 1);
  });
});

// flags, epilogues and types: on one tile, and on what has none; the ops' own tests run what the device chooses
describe.each([
  ['tiled', Number.POSITIVE_INFINITY],
  ['direct', Number.POSITIVE_INFINITY],
  ['strips', 2], // the first samples have the flags; the cases above have the windows
])('the %s kernels', (family, most) => {
  for (const name of OPS) {
    const op = subject(name);
    op.samples.forEach((sample, index) => {
      if (sample.bench || index >= most) return;
      it(`compute ${name}: ${describeSample(sample)}`, async () => {
        forceVariants(family);
        await checkForward(executor, op, sample, 'f32', index + 1);
      });
    });
  }
});
