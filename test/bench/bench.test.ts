import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisonOf, pairsOf } from '../../bench/comparison.ts';
import { type Row, readRows, titleOf } from '../../bench/row.ts';
import { quantile, summarize } from '../../bench/statistics.ts';
import { tableOf } from '../../bench/table.ts';
import { variantGroups } from '../../bench/variant.ts';
import { allOps, type DType, type Sample } from '../../engine/index.ts';
import { miaobi } from '../cli/spawn.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'miaobi-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('statistics', () => {
  it('interpolate between neighbours and do not mind the order', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([10], 0.95)).toBe(10);
    expect(summarize([5, 1, 3, 2, 4])).toEqual({
      median: 3,
      p95: 4.8,
      min: 1,
      spread: 2 / 3,
      runs: 5,
      sorted: [1, 2, 3, 4, 5],
    });
  });
});

describe('the rows', () => {
  it('have no storage type that no tested sample of their op has', () => {
    for (const { definition } of allOps()) {
      const typesOf = (timed: boolean) =>
        (definition.samples as readonly Sample<string, object>[])
          .filter(({ bench }) => (bench !== undefined) === timed)
          .flatMap(({ dtypes }): readonly DType[] => dtypes ?? ['f32', 'f16']);
      expect(typesOf(false), definition.name).toEqual(expect.arrayContaining(typesOf(true)));
    }
  });

  it('come from every bench sample of the registry, with a gradient where there is one', () => {
    const groups = variantGroups();
    const labelled = allOps().flatMap(({ definition }) =>
      (definition.samples as readonly { bench?: string }[]).flatMap(({ bench }) =>
        bench ? [`${definition.name} ${bench}`] : [],
      ),
    );
    expect(groups.map(({ op, sample }) => `${op} ${sample}`)).toEqual(expect.arrayContaining(labelled));
    const titles = groups.flatMap(({ names }) => names.map(titleOf));
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles).toContain('conv2d · 64>64 at 64² · backward · f32');
  });

  const row = (us: number, more: Partial<Row> = {}): Row =>
    ({ op: 'add', sample: '4M', pass: 'forward', dtype: 'f32', us, spread: 0.01, driver: 'x', ...more }) as Row;

  it('of two runs are compared by title, and what got slower is named', () => {
    const before = new Map([row(100), row(100, { op: 'mul' })].map((one) => [titleOf(one), one]));
    const now = [row(50), row(400, { op: 'mul' }), row(7, { op: 'new' })];
    const text = comparisonOf(pairsOf(now, before));
    expect(text).toContain('2 rows in both; geometric mean of the speeds: 0.71 x');
    expect(text).toContain('slower: mul · 4M · forward · f32: 100 → 400 µs');
    expect(text).not.toContain('slower: add');
    expect(text).not.toContain('another device');
    expect(tableOf(now, before)).toMatch(/add · 4M · forward · f32 .*100 .*2\.00 x/);
    expect(comparisonOf(pairsOf([row(1, { driver: 'y' })], before))).toContain('another device');
  });

  it('that cannot be read are named with file and line', async () => {
    const file = path.join(folder, 'bad.jsonl');
    await writeFile(file, `${JSON.stringify(row(1))}\n{"op":`);
    expect(() => readRows(file)).toThrow(/bad\.jsonl:2: expected a row of miaobi bench as JSON/);
  });
});

const rowsOf = (lines: string) =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);

describe('miaobi bench', () => {
  it('measures, prints JSON, keeps the rows and compares with them', async () => {
    const out = path.join(folder, 'rows.jsonl');
    const args = ['bench', '--filter', '20>20 at 50² · ', '--types', 'f32', '--seconds', '0.01', '--out', out];
    const first = await miaobi([...args, '--json']);
    expect(first.code, first.stderr).toBe(0);
    const rows = rowsOf(first.stdout);
    expect(await readFile(out, 'utf8')).toBe(first.stdout);
    const passes = rows.filter(({ op }) => op === 'conv2d').map(({ pass }) => pass);
    expect(passes).toEqual(['forward', 'backward']);
    for (const row of rows) {
      expect(row.us).toBeGreaterThan(0);
      expect(row.min).toBeLessThanOrEqual(row.us);
      expect(row.us).toBeLessThanOrEqual(row.p95);
      expect(row.gflops).toBeGreaterThan(0.01);
      expect(row.share).toBeGreaterThan(0);
      expect(row.checksum).toMatch(/^[0-9a-f]{8}$/);
      for (const text of [row.adapter, row.driver, row.dawn, row.node, row.commit, row.date]) expect(text).not.toBe('');
    }
    const second = await miaobi(['bench', '--compare', out, ...args.slice(1, -2)]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toContain('before µs');
    expect(second.stderr).toMatch(/rows in both; geometric mean/);
  });

  it('takes a training step apart: phases, host, memory, what steady steps make', async () => {
    const args = ['--suite', 'step', '--filter', '2,2,2', '--size', '16', '--batch', '1', '--types', 'f32'];
    const { code, stdout, stderr } = await miaobi(['bench', ...args, '--seconds', '0.01', '--json']);
    expect(code, stderr).toBe(0);
    const [step, ...phases] = rowsOf(stdout);
    expect(phases.map(({ pass }) => pass)).toEqual(['forward', 'backward', 'optimiser']);
    const dispatches = phases.reduce((sum, phase) => sum + (phase.dispatches ?? 0), 0);
    expect(step).toMatchObject({ pass: 'step', clock: 'wall', created: 0, misses: 0, dispatches });
    expect(step.peakBytes).toBe(step.forecastBytes);
    expect(step.liveBytes).toBeLessThan(step.peakBytes as number);
    expect(step.hostUs).toBeLessThan(step.us);
  });

  it('takes a transfer apart', async () => {
    const args = ['--suite', 'infer', '--size', '32', '--types', 'f32', '--seconds', '0.01'];
    const json = await miaobi(['bench', ...args, '--json']);
    expect(json.code, json.stderr).toBe(0);
    const rows = rowsOf(json.stdout);
    expect(rows.map(({ pass }) => pass)).toEqual([
      ...['transfer', 'encode content', 'encode style', 'statistics and cWCT', 'decode'],
    ]);
    const [transfer, encode] = rows;
    expect(transfer.peakBytes).toBeLessThan(1.1 * (transfer.forecastBytes as number));
    expect(encode.gflops).toBeGreaterThan(0.01);
  });

  it('refuses a filter that fits nothing and a file that is none', async () => {
    const none = await miaobi(['bench', '--filter', 'no such op']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('--filter no such op: no row has this in its title');
    const bad = await miaobi(['bench', '--compare', path.join(folder, 'absent.jsonl')]);
    expect(bad.code).toBe(4);
    expect(bad.stderr).toContain('--compare');
    const suite = await miaobi(['bench', '--suite', 'dance']);
    expect(suite.code).toBe(2);
    const odd = await miaobi(['bench', '--suite', 'infer', '--size', '30']);
    expect(odd.code).toBe(2);
    expect(odd.stderr).toContain('multiples of 4');
    const size = await miaobi(['bench', '--size', '32']);
    expect(size.code).toBe(2);
    expect(size.stderr).toContain('--size 32: the suite kernels has sizes of its own');
  });
});
