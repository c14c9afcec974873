import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curvesOf, finalValue, smooth, thin } from '../../train/run/curves.ts';
import {
  type Measured,
  readEvaluations,
  removeEvaluationsAfter,
  summarise,
  writeEvaluation,
} from '../../train/run/evaluations.ts';
import { type MetricsLine, openMetrics, readMetrics, truncateMetrics } from '../../train/run/metrics.ts';
import { plotPng, plotSvg } from '../../train/run/plot.ts';
import { spread, writeReport } from '../../train/run/report.ts';
import { writeSamples } from '../../train/run/samples.ts';
import { scratch } from './support.ts';

let folder: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  folder = await scratch();
});
afterAll(() => folder.remove());

const metricsLine = (step: number, more: Partial<MetricsLine> = {}): MetricsLine => ({
  step,
  epoch: 0,
  time: step,
  lr: 0.1,
  losses: { 'a<b': 1 / step },
  img_per_s: 2,
  mem_bytes: 2 ** 20,
  ...more,
});

const evaluated = (step: number, measures: Record<string, number>): Measured => ({
  step,
  measures: { ssim: 0.5, ...measures },
  higher_is_better: ['ssim'],
  about: '2 pairs & more',
});

describe('evaluations', () => {
  it('come to a start, a best and an end, each measure by the side that is better', () => {
    const all = [
      evaluated(0, { style: 9 }),
      evaluated(5, { style: 2, ssim: 0.4 }),
      evaluated(10, { style: 1, ssim: 0.7 }),
      evaluated(15, { style: 3, ssim: 0.6, late: 8 }),
    ];
    const last = (value: number) => ({ value, step: 15 });
    expect(summarise(all)).toEqual([
      { name: 'ssim', higherIsBetter: true, before: 0.5, best: { value: 0.7, step: 10 }, last: last(0.6) },
      { name: 'style', higherIsBetter: false, before: 9, best: { value: 1, step: 10 }, last: last(3) },
      { name: 'late', higherIsBetter: false, before: undefined, best: last(8), last: last(8) },
    ]);
    expect(summarise([evaluated(0, {})])).toEqual([]);
  });

  it('are read in order, without torn files, and cut off after a step', async () => {
    const run = join(folder.path, 'evaluated');
    for (const step of [20, 0, 100]) await writeEvaluation(run, step, { ssim: step }, { about: 'x' });
    await writeFile(join(run, 'eval', 'step-00000040.json'), '{"step": 4');
    expect((await readEvaluations(run)).map(({ step }) => step)).toEqual([0, 20, 100]);
    await removeEvaluationsAfter(run, 20);
    expect((await readdir(join(run, 'eval'))).sort()).toEqual(['step-00000000.json', 'step-00000020.json']);
    await removeEvaluationsAfter(run, -1);
    expect(await readEvaluations(run)).toEqual([]);
  });
});

describe('curves', () => {
  it('leave out what skipped steps do not have', () => {
    const lines = [metricsLine(1), metricsLine(2, { skipped: 'flat', losses: {} }), metricsLine(3)];
    const curves = Object.fromEntries(
      curvesOf(lines, [evaluated(0, {}), evaluated(3, {})]).map((c) => [c.name, c.steps]),
    );
    expect(curves).toEqual({ 'a<b': [1, 3], 'eval/ssim': [0, 3], lr: [1, 3], img_per_s: [3] });
  });

  it('are smoothed without a pull from their start', () => {
    expect(smooth([3, 3, 3], 0.9).map((value) => value.toFixed(12))).toEqual(Array(3).fill((3).toFixed(12)));
    expect(smooth([1, 5, 2], 0)).toEqual([1, 5, 2]);
    // (0.5 · 0.5 · 1 + 0.5 · 4) / (1 - 0.25)
    expect(smooth([1, 4], 0.5)[1]).toBeCloseTo(3, 12);
  });

  it('are thinned to means, and end with the mean of their last tenth', () => {
    const steps = Array.from({ length: 10 }, (_, i) => i + 1);
    const curve = { name: 'x', steps, values: steps };
    expect(thin(curve, 4)).toEqual({ name: 'x', steps: [3, 6, 9, 10], values: [2, 5, 8, 10] });
    expect(finalValue({ ...curve, values: Array.from({ length: 40 }, (_, i) => i) })).toBe(37.5);
  });

  it('become a PNG whose highest point is where it belongs', async () => {
    const peak = { name: 'x', steps: [0, 5, 10], values: [0, 10, 0] };
    const svg = plotSvg([peak], { title: 'a<b' });
    expect(svg).toMatch('a&lt;b');
    expect(svg).toMatch(/d="M72.0 380.0L507.0 40.0L942.0 380.0"/);
    expect(await sharp(await plotPng([peak], { title: 'x' })).metadata()).toMatchObject({ width: 960, height: 420 });
  });
});

describe('metrics.jsonl', () => {
  it('is cut off after a step, with a torn last line', async () => {
    const path = join(folder.path, 'metrics.jsonl');
    const writer = openMetrics(path);
    for (const step of [1, 2, 3]) writer.append(metricsLine(step));
    writer.close();
    await writeFile(path, '{"step":4,"ep', { flag: 'a' });
    await truncateMetrics(path, 3);
    expect((await readFile(path, 'utf8')).endsWith('}\n')).toBe(true);
    await truncateMetrics(path, 2);
    expect((await readMetrics(path)).map(({ step }) => step)).toEqual([1, 2]);
  });
});

describe('the report', () => {
  it('is one file that holds curves, pictures and options, and escapes them', async () => {
    const run = join(folder.path, 'run <1>');
    await mkdir(run);
    await writeFile(join(run, 'config.yaml'), 'model: line\nnote: <script>alert(1)</script>\n');
    const writer = openMetrics(join(run, 'metrics.jsonl'));
    for (let step = 1; step <= 5; step++) writer.append(metricsLine(step));
    writer.close();
    const planar = new Float32Array(3 * 8 * 8).fill(0.5);
    const pictures = ['content', 'style'].map((name) => ({ name, planar, width: 8, height: 8 }));
    for (let step = 0; step < 9; step++) await writeSamples(run, step, [pictures, pictures]);
    for (const [step, style] of [9, 0.25, 0.75].entries()) {
      await writeEvaluation(run, step, { style }, { about: '2 pairs & more' });
    }
    const html = await readFile(await writeReport(run), 'utf8');
    const row = '<th>style</th><td>less</td><td>9</td><td>0.25</td><td>1</td><td>0.75</td><td>2</td>';
    expect(html).toMatch(`<p>2 pairs &amp; more</p>`);
    expect(html).toMatch(row);
    const [, pair] = /<div class="pair">(.*?)<\/div>/s.exec(html) ?? [];
    expect([...pair.matchAll(/samples of step (\d+)/g)].map(([, step]) => step)).toEqual(['0', '8']);
    expect(html.match(/<figure>/g)).toHaveLength(6);
    expect(html.match(/data:image\/webp;base64,/g)).toHaveLength(6);
    expect(html).not.toMatch('<script>alert');
    expect(html).toMatch('run &lt;1&gt;');
    expect(html).toMatch('"name":"a\\u003cb"');
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
    expect(await readdir(join(run, 'plots'))).toEqual(['a-b.png', 'eval-style.png', 'img_per_s.png', 'lr.png']);
  });

  it('shows the first and the last of many sheets', () => {
    expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4)).toEqual([0, 3, 6, 9]);
    expect(spread([1, 2], 4)).toEqual([1, 2]);
  });
});

describe('a sample sheet', () => {
  it('holds each picture where its row and column are', async () => {
    const shade = (value: number) => new Float32Array(3 * 4 * 4).fill(value);
    const cell = (name: string, value: number) => ({ name, planar: shade(value), width: 4, height: 4 });
    const { png, width, height } = await writeSamples(folder.path, 3, [
      [cell('a', 0), cell('b', 1)],
      [cell('a', 0.2), cell('b', 0.6)],
    ]);
    expect([width, height]).toEqual([4 + 4 + 4 + 4 + 4, 18 + 4 + 4 + 4 + 4 + 4]);
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number) => data[info.channels * (y * width + x)];
    expect([at(5, 23), at(13, 23), at(5, 31), at(13, 31), at(10, 23)]).toEqual([0, 255, 51, 153, 128]);
    expect((await readdir(join(folder.path, 'samples', 'step-00000003'))).sort()).toEqual([
      '0_a.png',
      '0_b.png',
      '1_a.png',
      '1_b.png',
      'grid.png',
    ]);
  });
});
