import { beforeAll, expect, it } from 'vitest';
import { runModule } from '../support/child.ts';
import { testDevice } from '../support/device.ts';
import type { SubgroupReport } from '../support/subgroup-check.ts';

let software = '';
beforeAll(async () => {
  const { info } = await testDevice();
  software = `${info.device} ${info.description}`;
});

// lavapipe has as many lanes in a subgroup as floats in a vector of this many bits
it.each([
  [4, 128],
  [16, 512],
])('kernels with subgroups of %i lanes compute what those without compute', async (width, bits) => {
  if (!/llvmpipe/.test(software)) return;
  const child = await runModule(
    `import { checkSubgroups } from './test/support/subgroup-check.ts';
     const products = ['matmul', 'conv2d', 'convTranspose2d', 'conv2dWeightGrad'];
     const sums = ['sum', 'softmax', 'instanceNorm', 'spade'];
     console.log(JSON.stringify(await checkSubgroups([...products, ...sums])));`,
    { LP_NATIVE_VECTOR_WIDTH: String(bits) },
  );
  expect(child.code, child.stderr).toBe(0);
  const report = JSON.parse(child.stdout) as SubgroupReport;
  expect(report).toMatchObject({ width, wrong: [] });
  const ran = [
    'matmul.lanes',
    'conv2d.rows',
    'conv2d.winograd.product',
    'reduce.rowsSubgroup4',
    'normalize.fusedSubgroup',
  ];
  expect(report.families).toEqual(expect.arrayContaining(['lanes', 'tiled:32x32', 'direct', 'winograd']));
  expect(report.kernels).toEqual(expect.arrayContaining(ran));
});
