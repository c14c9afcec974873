/** Distances of features, statistics files, and float resizing. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scope, tensor } from '../../../../engine/index.ts';
import { resize } from '../../../../kernels/index.ts';
import { parseNpy } from '../../../../train/checkpoint/npy.ts';
import { type Features, statisticsOf } from '../../../../train/eval/feature-statistics.ts';
import { frechetDistance } from '../../../../train/eval/frechet.ts';
import { kernelDistance } from '../../../../train/eval/kernel-distance.ts';
import { float64, readStatistics } from '../../../../train/eval/statistics-file.ts';
import type { Builder } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import { scalar, type Value, value } from '../../values.ts';
import { answers } from '../answers.ts';

const featuresOf = ({ data, shape: [count, dims] }: Value): Features => ({
  values: Float64Array.from(data),
  count,
  dims,
});

const frechet: Builder = {
  run({ inputs }) {
    const [a, b] = ['feat1', 'feat2'].map((role) => statisticsOf(featuresOf(inputs.get(role))));
    const { distance, meanTerm, traces, rootTrace } = frechetDistance(a, b);
    return answers({
      'output mu1': value([a.dims], a.mean),
      'output mu2': value([b.dims], b.mean),
      'output sigma1': () => value([a.dims, a.dims], a.covariance()),
      'output sigma2': () => value([b.dims, b.dims], b.covariance()),
      'output fid': scalar(distance),
      'value tr_covmean': scalar(rootTrace),
      'value mean_term': scalar(meanTerm),
      'value trace1': scalar(traces[0]),
      'value trace2': scalar(traces[1]),
    });
  },
};

const kid: Builder = {
  run({ config, inputs }) {
    const [x, y] = ['x', 'y'].map((role) => featuresOf(inputs.get(role)));
    const found = kernelDistance(x, y, config);
    return answers({
      'output mmd2 (unbiased)': scalar(found.unbiased),
      'output mmd2 (biased)': scalar(found.biased),
      'output mmd2 (u-statistic)': scalar(found.uStatistic),
      'output variance': scalar(found.variance),
    });
  },
};

/** The two archives must agree with the expectation, each of them. */
const statistics: Builder = {
  async run({ inputs }) {
    const folder = await mkdtemp(join(tmpdir(), 'miaobi-statistics-'));
    try {
      const read = async (role: string) => {
        const path = join(folder, `${role}.npz`);
        await writeFile(path, inputs.file(role));
        return readStatistics(path);
      };
      const both = [await read('stored'), await read('deflated')];
      const fortran = await parseNpy(inputs.file('fortran'));
      return answers({
        'output mu (of stored and of deflated)': both.map(({ mean, dims }) => value([dims], mean)),
        'output sigma (of stored and of deflated)': both.map((s) => value([s.dims, s.dims], s.covariance())),
        'output fortran': value(fortran.shape, float64('fortran', fortran)),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const resizing: Builder = {
  async run({ config, inputs }) {
    const device = await sharedDevice();
    const size = config.out as [number, number];
    const found = scope(() => {
      const { data, shape } = inputs.get('x');
      const x = tensor(device, data, shape);
      return {
        bilinear_align_false: resize(x, { size, mode: 'bilinear' }),
        bilinear_align_true: resize(x, { size, mode: 'bilinear', alignCorners: true }),
        nearest: resize(x, { size, mode: 'nearest' }),
      };
    });
    const values: Record<string, Value> = {};
    for (const [name, t] of Object.entries(found)) values[`output ${name}`] = await take(t);
    return answers(values);
  },
};

export const distanceKinds: Readonly<Record<string, Builder>> = {
  'evaluation/frechet': frechet,
  'evaluation/kid': kid,
  'evaluation/npz-stats': statistics,
  'evaluation/resize': resizing,
};
