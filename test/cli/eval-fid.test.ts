import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inceptionSpecs } from '../../models/inception/network.ts';
import { writeSafetensors } from '../../train/checkpoint/safetensors-file.ts';
import { encodePng } from '../../train/data/synth/encode-png.ts';
import { drawVaried } from '../../train/data/synth/varied-landscape.ts';
import { command } from './in-process.ts';

const root = mkdtempSync(join(tmpdir(), 'miaobi-eval-fid-'));
afterAll(() => rmSync(root, { recursive: true }));
const at = (...parts: string[]) => join(root, ...parts);

async function pictures(folder: string, names: readonly string[], seed: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [step, name] of names.entries()) {
    writeFileSync(join(folder, name), await encodePng(drawVaried(32, 32, ['noon'], 0.1, { seed, step, op: 0 })));
  }
}

const fid = (...argv: string[]) => command('eval', 'fid', ...argv);

beforeAll(async () => {
  await pictures(at('a'), ['0.png', '1.png', '2.png', 'left-out.PNG'], 1);
  await pictures(at('b'), ['0.png', '1.png', '2.png', '3.png'], 2);
});

describe('eval fid without weights', () => {
  it('refuses, and says what to download and what there is instead', async () => {
    const { code, stderr, stdout } = await fid(at('a'), at('b'));
    expect(code).toBe(9);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/pt_inception-2015-12-05-6726825d\.pth.*--weights FILE.*--random-features/s);
  });

  it('gives the random-feature distance, and calls it nothing else', async () => {
    const { code, stdout, stderr } = await fid(at('a'), at('b'), '--random-features', '--kid', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ measure: 'random-feature distance', dims: 272 });
    const [{ a, b, distance, meanTerm, traces, rootTrace, kernel }] = report.results;
    expect([a.pictures, b.pictures]).toEqual([3, 4]);
    expect(distance).toBeGreaterThan(0.01);
    expect(distance).toBeCloseTo(meanTerm + traces[0] + traces[1] - 2 * rootTrace, 12);
    expect(kernel).toMatchObject({ size: 3, subsets: 100 });
    expect(stderr).toMatch(/1 left out, such as left-out\.PNG: not in lower case/);
    expect(stderr).toMatch(/3 pictures for 272 features.*Compare only values of equally many/);
    const table = (await fid(at('a'), at('b'), '--random-features', '-q')).stdout;
    expect(table).toContain('random-feature distance');
    expect(table).toContain(String(Number(distance.toPrecision(6))));
    expect(`${stdout}${table}`.replaceAll(root, '')).not.toMatch(/fid|kid/i);
  });
});

describe('statistics', () => {
  it('are saved, and stand for the pictures', async () => {
    const saved = await fid(at('a'), '--random-features', '--save-stats', at('a.npz'), '-q');
    expect(saved).toMatchObject({ code: 0, stdout: '' });
    const distanceOf = async (...argv: string[]) => {
      const { code, stdout, stderr } = await fid(...argv, '--json');
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).results[0].distance as number;
    };
    const [known, again] = [at('a.npz'), at('again.npz')];
    const both = await distanceOf(at('b'), at('a'), '--random-features', '--save-stats', again);
    expect(readFileSync(again)).toEqual(readFileSync(known)); // those of the second set
    expect(await distanceOf(at('b'), known, '--random-features')).toBeCloseTo(both, 5);
    const stored = JSON.parse((await fid(known, again, '--json')).stdout); // no network at all
    expect(stored.measure).toBe('Fréchet distance');
    expect(Math.abs(stored.results[0].distance)).toBeLessThan(1e-6);
    expect((await fid(at('a'), '--random-features', '--save-stats', known)).stderr).toMatch(/it exists/);
  });
});

describe('eval fid with weights', () => {
  it('measures the features of the Inception', async () => {
    const tensors = new Map(
      inceptionSpecs(0).map(({ key, shape }) => {
        const size = shape.reduce((x, y) => x * y);
        const centre = key.endsWith('conv.weight') || key.endsWith('running_mean') ? 0 : 1;
        const values = Float32Array.from({ length: size }, (_, i) => centre + 0.2 * Math.sin(i * 1.3));
        return [key, { dtype: 'F32' as const, shape, bytes: new Uint8Array(values.buffer) }];
      }),
    );
    await writeSafetensors(at('stem.safetensors'), tensors);
    const found = await fid(at('a'), at('b'), '--weights', at('stem.safetensors'), '--dims', '64', '--json');
    expect(found.code, found.stderr).toBe(0);
    const report = JSON.parse(found.stdout);
    expect(report).toMatchObject({ measure: 'FID of 64 features', dims: 64 });
    expect(report.results[0].distance).toBeGreaterThan(0);
    const own = await fid(at('b'), at('b'), '--weights', at('stem.safetensors'), '--dims', '64', '--json');
    const scale = report.results[0].traces[1];
    expect(Math.abs(JSON.parse(own.stdout).results[0].distance)).toBeLessThan(1e-9 * scale);

    const whole = await fid(at('a'), at('b'), '--weights', at('stem.safetensors'));
    expect(whole.code).toBe(5);
    expect(whole.stderr).toMatch(/for FID's Inception: the tensors do not fit.*Mixed_5b|Conv2d_3b/s);
    const mixed = await fid(at('a'), at('a.npz'), '--weights', at('stem.safetensors'), '--dims', '64');
    expect(mixed.code).toBe(4);
    expect(mixed.stderr).toMatch(/statistics of 64 features .* but they are of 272/);
  });
});

describe('eval fid of a run', () => {
  it('has a row for each step of the range, and a file in the run', async () => {
    const run = at('runs', 'first');
    for (const [step, seed] of [
      [100, 3],
      [200, 4],
      [300, 5],
    ]) {
      const folder = join(run, 'samples', `step-${String(step).padStart(8, '0')}`);
      await pictures(folder, ['0_fake.png', '1_fake.png', '0_real.png', 'grid.png'], seed);
    }
    writeFileSync(join(run, 'config.yaml'), 'model: gaugan\n');
    const { code, stdout, stderr } = await fid(run, at('b'), '--random-features', '--range', '150-300', '--json');
    expect(code, stderr).toBe(0);
    const { results } = JSON.parse(stdout);
    expect(results.map(({ a }: { a: { step: number } }) => a.step)).toEqual([200, 300]);
    expect(results[0].a.pictures).toBe(2);
    const file = join(run, 'eval', 'random-features-00000200.json');
    expect(JSON.parse(readFileSync(file, 'utf8')).results[0].distance).toBe(results[0].distance);
    expect(existsSync(join(run, 'eval', 'random-features-00000100.json'))).toBe(false);
    expect((await fid(run, at('b'), '--random-features', '-q')).stdout).toContain('step 300');
    expect((await fid(run, at('b'), '--random-features', '--range', '1-2')).stderr).toMatch(/those of 100, 200, 300/);
  });
});

describe('eval fid refuses', () => {
  it.each([
    [['a'], 2, /two sets of pictures, or --save-stats/],
    [['a', 'b', '--weights', 'x', '--random-features'], 2, /exclude each other/],
    [['a', 'b', '--random-features', '--dims', '64'], 2, /--dims belongs to --weights/],
    [['a', 'b', '--random-features', '--range', '9-3'], 2, /two steps such as 270-310/],
    [['a', 'none', '--random-features'], 2, /expected a folder of pictures, a run, or statistics/],
    [['a', '.', '--random-features'], 4, /expected pictures directly in this folder/],
    [['a', 'b', '--weights', 'none.pth'], 2, /cannot be read/],
  ])('%s', async (argv, code, message) => {
    const ended = await fid(...argv.map((word) => (/^(a|b|none|\.|none\.pth)$/.test(word) ? at(word) : word)));
    expect(ended.stderr).toMatch(message);
    expect(ended.code).toBe(code);
  });

  it('one picture', async () => {
    await pictures(at('one'), ['0.png'], 6);
    const { code, stderr } = await fid(at('a'), at('one'), '--random-features');
    expect(stderr).toMatch(/at least two pictures, got 1/);
    expect(code).toBe(4);
  });
});
