import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisonOf, comparisonTable, pairOf } from '../../bench/comparison.ts';
import { familyOf } from '../../bench/family.ts';
import { pageHtml } from '../../bench/page.ts';
import { pictureSvg } from '../../bench/picture.ts';
import { type Row, titleOf } from '../../bench/row.ts';
import { rankTest } from '../../bench/significance.ts';
import { summarize } from '../../bench/statistics.ts';
import { generator } from '../../engine/sample-values.ts';
import { miaobi } from '../cli/spawn.ts';

/** Times around `us` with a scatter of `noise`, and now and then a run that a neighbour made slow. */
function times(us: number, noise: number, runs: number, seed: number): number[] {
  const random = generator(seed);
  return Array.from({ length: runs }, () => us * (1 + noise * random()) * (random() < 0.1 ? 3 : 1));
}

function row(op: string, samples: readonly number[], more: Partial<Row> = {}): Row {
  const { median, p95, min, spread, runs } = summarize(samples);
  return {
    ...{ suite: 'kernels', op, sample: '4M', pass: 'forward', dtype: 'f32', clock: 'gpu' },
    ...{ us: median, p95, min, spread, runs, samples },
    ...{ gflops: 1, gbs: 4, share: 0.5, roofGbs: 8, roofGflops: 100, driver: 'x & y', date: '2026-01-01T00:00:00Z' },
    ...more,
  } as Row;
}

describe('the rank test', () => {
  it('is exact for few values: one order of the C(10, 5) on either side', () => {
    expect(rankTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(2 / 252, 12);
    expect(rankTest([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])).toBeCloseTo(2 / 252, 12);
    // U = 1: two orders more
    expect(rankTest([1, 2, 3, 4, 6], [5, 7, 8, 9, 10])).toBeCloseTo(4 / 252, 12);
    // Mann and Whitney 1947, table I: P(U ≤ 3) = 0.021 for 4 and 6 values, here two-sided
    expect(rankTest([1, 2, 3, 8], [4, 5, 6, 7, 9, 10])).toBeGreaterThan(0.04);
  });

  it('says nothing where no difference could be sure', () => {
    expect(rankTest([1], [2])).toBeNaN();
    expect(rankTest([1, 2, 3], [4, 5, 6])).toBeNaN();
  });

  it('takes ties, and finds equal things equal', () => {
    const same = [5, 5, 5, 5, 5, 5];
    expect(rankTest(same, same)).toBe(1);
    expect(rankTest([1, 1, 1, 1, 2, 2, 2], [2, 2, 3, 3, 3, 3, 3])).toBeLessThan(0.01);
  });

  it('agrees with itself where the normal distribution takes over', () => {
    const a = Array.from({ length: 30 }, (_, i) => 2 * i);
    const b = a.map((value) => value + 15);
    const exact = rankTest(a, b);
    expect(exact).toBeGreaterThan(1e-4);
    expect(exact).toBeLessThan(0.01);
    // one tie moves U by a half
    const normal = rankTest(a, [14, ...b.slice(1)]);
    expect(normal).not.toBe(exact);
    // in the tail the normal distribution is the heavier one
    expect(Math.abs(Math.log(normal / exact))).toBeLessThan(0.5);
  });

  it('rarely marks what did not change', () => {
    let marked = 0;
    for (let i = 0; i < 500; i++) {
      if (rankTest(times(100, 0.2, 12, 2 * i + 10), times(100, 0.2, 12, 2 * i + 11)) < 0.01) marked++;
    }
    // 5 are expected; 15 or more come up once in 7000 times
    expect(marked).toBeLessThan(15);
  });
});

describe('comparing rows', () => {
  const before = row('add', times(100, 0.05, 20, 3));

  it('marks a difference beyond the scatter, and none within it', () => {
    expect(pairOf(row('add', times(80, 0.05, 20, 4)), before)).toMatchObject({ verdict: 'faster' });
    expect(pairOf(row('add', times(125, 0.05, 20, 4)), before)).toMatchObject({ verdict: 'slower' });
    expect(pairOf(row('add', times(100, 0.05, 20, 5)), before)).toMatchObject({ verdict: 'same' });
    // the medians lie as far apart, the scatter hides it
    const [noisy, other] = [row('add', times(100, 0.9, 6, 6)), row('add', times(110, 0.9, 6, 7))];
    expect(pairOf(other, noisy)).toMatchObject({ verdict: 'same' });
  });

  it('passes over a difference that is sure and too small to matter', () => {
    const exact = (us: number) =>
      row(
        'add',
        Array.from({ length: 20 }, (_, i) => us + 0.001 * i),
      );
    const pair = pairOf(exact(101), exact(100));
    expect(pair.p).toBeLessThan(1e-6);
    expect(pair.verdict).toBe('same');
  });

  it('does not judge by one run, and takes quartiles where there are no single times', () => {
    expect(pairOf(row('add', [200]), row('add', [100])).verdict).toBe('unknown');
    const old = { ...before, samples: undefined };
    expect(pairOf(row('add', [200, 201, 202, 203, 204]), old).verdict).toBe('slower');
    expect(pairOf({ ...old, us: 1.08 * old.us }, old).verdict).toBe('same');
  });

  it('counts the verdicts and prints both sides', () => {
    const pairs = [
      pairOf(row('add', times(50, 0.05, 20, 8)), before),
      pairOf(row('mul', times(300, 0.05, 20, 9)), row('mul', times(100, 0.05, 20, 10))),
      pairOf(row('sub', [7]), row('sub', [7])),
    ];
    expect(comparisonOf(pairs)).toContain('1 faster (+), 1 slower (-), 0 without a difference, 1 with too few runs');
    expect(comparisonOf(pairs)).toContain('slower: mul · 4M · forward · f32');
    const table = comparisonTable(pairs);
    expect(table).toMatch(/add · 4M .* x │ \+ │ <0\.0001/);
    expect(table).toMatch(/mul · 4M .* x │ - │/);
    expect(table).toMatch(/sub · 4M .* 1\.00 x │ \? │ +- │/);
  });
});

describe('pictures and pages', () => {
  const rows = [
    row('conv2d', [10, 11, 12], { gflops: 80, gbs: 2, share: 0.8 }),
    row('cholesky', [10, 11, 12], { gflops: 0.5, gbs: 0.5, share: 0.06 }),
    row('concat', [10, 11, 12], { gflops: 0, gbs: 6, share: 0.75 }),
    row('host', [1, 2, 3], { gflops: undefined, gbs: undefined, share: undefined }),
  ];

  it('draw a dot a row that has a cost, the roofs, and the names far below', async () => {
    const svg = pictureSvg(rows.map((one) => ({ ...one, roofMatrixGflops: 900 })));
    expect(svg.match(/<title>/g)).toHaveLength(3);
    expect(svg).toContain('copy: 8 GB/s');
    expect(svg).toContain('multiply-add, f32: 100 GFLOP/s');
    expect(svg).toContain('subgroup matrices: 900 GFLOP/s');
    expect(svg).not.toContain('f16: ');
    expect(svg).toContain('>cholesky · 4M</text>');
    expect(svg).not.toContain('>conv2d · 4M</text>');
    expect(svg).toContain('x &amp; y');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const { data, info } = await sharp(Buffer.from(svg)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([1080, 640]);
    // the middle of the conv2d dot is blue, between x of 0.05 … 50 and y of 0.5 … 1000 at (40, 80)
    const found = /cx="([\d.]+)" cy="([\d.]+)" r="3.6" fill="#2563eb"/.exec(svg) as RegExpExecArray;
    const at = (Math.round(Number(found[2])) * info.width + Math.round(Number(found[1]))) * info.channels;
    expect(data[at + 2]).toBeGreaterThan(data[at] + 60);
  });

  it('put rows where their arithmetic and bytes say: on the roof at a share of 1', () => {
    const svg = pictureSvg([
      row('relu', [1, 2], { gflops: 4, gbs: 8 }),
      row('conv2d', [1, 2], { gflops: 100, gbs: 1 }),
    ]);
    const roof = /<line x1="[\d.]+" x2="1056" y1="([\d.]+)"[^>]*stroke-width="1.6"/.exec(svg) as RegExpExecArray;
    const conv = /cy="([\d.]+)" r="3.6" fill="#2563eb"/.exec(svg) as RegExpExecArray;
    expect(conv[1]).toBe(roof[1]);
  });

  it('say so where there is nothing to draw', () => {
    expect(pictureSvg([rows[3]])).toContain('No row has a cost to draw');
  });

  it('give every op a family by its name', () => {
    expect(familyOf('convTranspose2d').name).toBe('convolution');
    expect(familyOf('layerNormAffine').name).toBe('normalisation');
    expect(familyOf('anything new').name).toBe('pointwise, reduction');
  });

  it('hold every row, its numbers to sort by, the picture and the environment, and load nothing', () => {
    const before = new Map(rows.map((one) => [titleOf(one), row(one.op, [100, 101, 102, 103, 104])]));
    const html = pageHtml([...rows, row('<script>', times(50, 0.1, 9, 11))], before);
    expect(html.match(/<tr><th>[^<]* · 4M · forward · f32<\/th>/g)).toHaveLength(5);
    expect(html).toContain('<td data-value="80">80.00</td>');
    expect(html).toContain('<svg');
    expect(html).toContain('x &amp; y');
    expect(html).not.toContain('<script> ·');
    expect(html).not.toMatch(/(src|href)=|@import|https?:\/\/(?!www\.w3\.org)/);
  });
});

describe('miaobi bench --compare A B', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'miaobi-compare-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('compares two files without a device, and draws the second', async () => {
    const [a, b, untimed] = [
      row('add', times(100, 0.05, 20, 12)),
      row('add', times(60, 0.05, 20, 13)),
      { ...{ suite: 'peers', op: 'sum', sample: '4M', pass: 'x', dtype: 'f32' }, status: 'wrong', reason: 'off' },
    ];
    const files = ['a.jsonl', 'b.jsonl'].map((name) => path.join(folder, name));
    await writeFile(files[0], `${JSON.stringify(a)}\n${JSON.stringify(untimed)}\n`);
    await writeFile(files[1], `${JSON.stringify(b)}\n`);
    const [picture, page] = ['p.png', 'p.html'].map((name) => path.join(folder, name));
    const outputs = ['--picture', picture, '--page', page];
    // an adapter that does not exist: nothing may be run
    const { code, stdout, stderr } = await miaobi(['bench', '--device', 'none', ...outputs, '--compare', ...files]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/add · 4M · forward · f32 .*│ \+ │/);
    expect(stdout).toContain('1 faster (+), 0 slower (-)');
    expect((await sharp(picture).metadata()).format).toBe('png');
    expect(await readFile(page, 'utf8')).toContain('<td>+</td>');
  });

  it('refuses a third file and a picture of another kind', async () => {
    const three = await miaobi(['bench', '--compare', 'a', 'b', 'c']);
    expect(three.code).toBe(2);
    expect(three.stderr).toContain('--compare: expected one file or two, got 3');
    const picture = await miaobi(['bench', '--picture', 'a.bmp']);
    expect(picture.code).toBe(2);
    expect(picture.stderr).toContain('.svg or .png');
  });
});
