import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Environment } from '../../bench/environment.ts';
import { summarize } from '../../bench/statistics.ts';
import { choose, entryOf, type TunedShape, tune, variantsFile, writeVariants } from '../../bench/tune.ts';
import { shapesFor, tuneShapes } from '../../bench/tune-shapes.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import type { Device } from '../../engine/index.ts';
import { cutTerms, cutTiles, hasStackedMemory } from '../../kernels/lib/tile.ts';
import {
  defaultTile,
  defaultVariant,
  deviceClass,
  forceVariants,
  type MatrixWork,
  type MeasuredVariants,
  parseChoice,
  shapeClass,
  useVariants,
  VARIANTS,
  VariantError,
  variantFor,
  variantsOn,
  watchVariants,
} from '../../kernels/lib/variant.ts';

const device = (software: boolean, subgroupWidth: number, vendor = 'acme') =>
  ({ info: { vendor }, capabilities: { software, subgroupWidth, subgroupMatrix: [] } }) as unknown as Device;

const NO_INFO = { vendor: '', architecture: '', device: '', description: '', software: false };

const measured = (variants: Record<string, string>): MeasuredVariants => ({
  ...{ adapter: 'x', dawn: 'y', date: 'z', commit: 'w', variants },
});

const wide: MatrixWork = { kind: 'matmul', rows: 64, columns: 64, terms: 64, batch: 1, dtype: 'f32' };
const narrow: MatrixWork = { ...wide, columns: 2 };

const familyFor = (...args: Parameters<typeof variantFor>) => variantFor(...args).family;

describe('choosing a variant', () => {
  afterEach(() => {
    useVariants(undefined);
    forceVariants(undefined);
  });

  it('follows the default where nothing was measured', () => {
    useVariants({});
    expect(familyFor(device(true, 8), wide)).toBe('lanes');
    expect(familyFor(device(true, 0), wide)).toBe('tiled');
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', rows: 4 })).toBe('strips');
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', rows: 1, terms: 9, batch: 64 })).toBe('direct');
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', terms: 27 })).toBe('tiled');
    const window = { kernel: [3, 3], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] } as const;
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', terms: 27, window })).toBe('strips');
    const gradient: MatrixWork = { ...wide, kind: 'conv2dWeightGrad', rows: 16, columns: 36, window };
    expect(familyFor(device(false, 32), gradient)).toBe('strips');
    expect(familyFor(device(false, 32), { ...gradient, columns: 144 })).toBe('strips');
    expect(familyFor(device(false, 32), { ...gradient, columns: 144, dtype: 'f16' })).toBe('strips');
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', rows: 16, terms: 576, window })).toBe('strips');
    const strided = { ...window, stride: [2, 2] } as const;
    expect(familyFor(device(false, 32), { ...wide, kind: 'conv2d', rows: 16, terms: 576, window: strided })).toBe(
      'tiled',
    );
    expect(familyFor(device(false, 32), { ...gradient, window: { ...window, kernel: [4, 4] } })).toBe('tiled');
    expect(familyFor(device(false, 32), { ...wide, rows: 4, terms: 16 })).toBe('direct');
    expect(familyFor(device(false, 32), { ...wide, rows: 1, columns: 1, terms: 65536 })).toBe('tiled');
  });

  it('computes 3×3 convolutions by Winograd on software drivers where products outweigh transforms', () => {
    useVariants({});
    const window = { kernel: [3, 3], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] } as const;
    const conv = (channels: number, rows: number, size: number, more: Partial<MatrixWork> = {}): MatrixWork => ({
      ...{ kind: 'conv2d', rows, columns: size ** 2, terms: channels * 9, batch: 1, window, ...more },
    });
    const on = (work: MatrixWork, at = device(true, 8)) => familyFor(at, work);
    expect([conv(64, 64, 64), conv(256, 64, 128), conv(128, 128, 32)].map((work) => on(work))).toEqual(
      Array(3).fill('winograd'),
    );
    expect(on(conv(64, 64, 64, { window: { ...window, dilation: [-1, -1] } }))).toBe('winograd');
    // many channels but few pixels; few channels; other windows; groups
    const others = [conv(512, 512, 16), conv(16, 64, 256), conv(64, 16, 256)];
    const windows = [{ stride: [2, 2] }, { outStride: [2, 2] }, { dilation: [2, 2] }, { kernel: [3, 1] }] as const;
    for (const other of windows) others.push(conv(64, 64, 64, { window: { ...window, ...other } }));
    others.push(conv(64, 64, 64, { batch: 2 }));
    expect(others.map((work) => on(work))).toEqual(others.map(() => 'lanes'));
    expect(on(conv(64, 64, 64), device(false, 32))).toBe('tiled');
    const gradient = (channels: number, rows: number, size: number): MatrixWork => ({
      ...{ kind: 'conv2dWeightGrad', rows, columns: channels * 9, terms: size ** 2, batch: 1, window },
    });
    expect([gradient(64, 64, 64), gradient(256, 256, 32)].map((work) => on(work))).toEqual(Array(2).fill('winograd'));
    // few pixels, few channels
    const sums = [gradient(512, 512, 16), gradient(32, 32, 128)];
    expect(sums.map((work) => on(work))).toEqual(Array(2).fill('lanes'));
    forceVariants('winograd');
    expect(on(conv(64, 64, 64), device(false, 32))).toBe('winograd');
    expect(on(conv(31, 64, 64), device(false, 32))).toBe('tiled');
  });

  it('computes 3×3 convolutions by Winograd on GPUs where arithmetic saved outweighs traffic and dispatches', () => {
    useVariants({});
    const window = { kernel: [3, 3], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] } as const;
    const conv = (channels: number, rows: number, size: number, batch: number): MatrixWork => ({
      ...{ kind: 'conv2d', rows, columns: batch * size ** 2, terms: channels * 9, batch: 1, window, dtype: 'f32' },
    });
    const gradient = (channels: number, rows: number, size: number, batch: number): MatrixWork => ({
      ...{ kind: 'conv2dWeightGrad', rows, columns: channels * 9, terms: batch * size ** 2, batch: 1, window },
      dtype: 'f32',
    });
    const card = device(false, 32, 'nvidia');
    const stacked = { ...card, info: { ...card.info, device: 'nvidia-h200' } } as Device;
    const small = device(false, 32, 'intel');
    for (const work of [conv, gradient]) {
      for (const one of [card, stacked, small]) {
        expect(familyFor(one, work(256, 256, 64, 8))).toBe('winograd');
        expect(familyFor(one, work(1024, 1024, 16, 8))).toBe('winograd');
        // few pixels, few channels, halves
        expect(familyFor(one, work(512, 512, 16, 1))).toBe('tiled');
        expect(familyFor(one, work(256, 16, 512, 8))).toBe('tiled');
        expect(familyFor(one, work(16, 256, 512, 8))).toBe('tiled');
        expect(familyFor(one, { ...work(256, 256, 64, 8), dtype: 'f16' })).toBe('tiled');
        expect(familyFor(one, { ...work(256, 256, 64, 8), dtype: undefined })).toBe('tiled');
      }
      // 64 channels save less than they carry, but where memory is stacked
      expect([card, stacked, small].map((one) => familyFor(one, work(64, 64, 256, 8)))).toEqual([
        'tiled',
        'winograd',
        'tiled',
      ]);
      // what a few more dispatches cost matters to cards alone
      expect([card, stacked, small].map((one) => familyFor(one, work(128, 128, 128, 1)))).toEqual([
        'tiled',
        'winograd',
        'winograd',
      ]);
    }
    forceVariants('tiled');
    expect(familyFor(card, conv(256, 256, 64, 8))).toBe('tiled');
  });

  it('tells stacked memory by the names of cards', () => {
    const named = (name: string, vendor = 'nvidia') => hasStackedMemory({ ...NO_INFO, vendor, device: name });
    const stacked = [
      'NVIDIA H200',
      'NVIDIA A100-SXM4-80GB',
      'Tesla V100-SXM2-16GB',
      'NVIDIA GH200 480GB',
      'NVIDIA B200',
    ];
    const others = ['NVIDIA GeForce RTX 4090', 'NVIDIA A10', 'NVIDIA RTX A4000', 'NVIDIA L40S', 'Tesla T4'];
    // Dawn writes names in small letters, with hyphens
    const asDawn = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    for (const name of [...stacked, 'AMD Instinct MI300X'])
      expect([named(name), named(asDawn(name))]).toEqual([true, true]);
    for (const name of [...others, 'Intel(R) Arc(TM) A700 Graphics']) {
      expect([named(name), named(asDawn(name))]).toEqual([false, false]);
    }
  });

  it('follows the table for its device and its class of shape alone', () => {
    const gpu = device(false, 32);
    useVariants({ [deviceClass(gpu)]: measured({ [shapeClass(narrow)]: 'lanes' }) });
    expect(familyFor(gpu, narrow)).toBe('lanes');
    expect(familyFor(gpu, { ...narrow, rows: 8, columns: 4 })).toBe('lanes');
    expect(familyFor(gpu, { ...narrow, columns: 5 })).toBe('tiled');
    expect(familyFor(gpu, { ...narrow, kind: 'conv2d' })).toBe('tiled');
    expect(familyFor(device(false, 32, 'other'), narrow)).toBe('tiled');
    expect(familyFor(device(false, 64), narrow)).toBe('tiled');
    forceVariants('direct');
    expect(familyFor(gpu, narrow)).toBe('direct');
  });

  it('looks halves up apart from floats, and floats beside halves as halves', () => {
    const gpu = device(false, 32);
    const halves = { ...wide, dtype: 'f16' as const };
    useVariants({ [deviceClass(gpu)]: measured({ [shapeClass(halves)]: 'lanes' }) });
    expect(familyFor(gpu, halves)).toBe('lanes');
    expect(familyFor(gpu, { ...wide, dtype: undefined })).toBe('lanes');
    expect(familyFor(gpu, wide)).toBe('tiled');
    useVariants({ [deviceClass(gpu)]: measured({ [shapeClass(wide)]: 'direct' }) });
    expect(familyFor(gpu, wide)).toBe('direct');
    expect(familyFor(gpu, halves)).toBe('tiled');
  });

  it('follows the table for halves where they have matrix units by default', () => {
    const half = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };
    const { info, capabilities } = device(false, 32);
    const gpu = { info, capabilities: { ...capabilities, f16: true, subgroupMatrix: [half] } } as unknown as Device;
    const halves = { ...wide, dtype: 'f16' as const };
    useVariants({});
    expect(variantFor(gpu, halves).name).toBe('matrix:64x64');
    useVariants({ [deviceClass(gpu)]: measured({ [shapeClass(halves)]: 'matrix:128x128' }) });
    expect(variantFor(gpu, halves).name).toBe('matrix:128x128');
    expect(familyFor(gpu, wide)).toBe('tiled');
  });

  it('tells shapes apart that fill a GPU with large tiles, with small ones, or not at all', () => {
    const classOf = (rows: number, columns: number, terms = 64) => shapeClass({ ...wide, rows, columns, terms });
    expect(classOf(1024, 2048)).toBe('matmul, wide, many tiles');
    expect(classOf(1024, 1024)).toBe('matmul, wide, enough tiles');
    expect(classOf(512, 512)).toBe('matmul, wide, few tiles, sums below 1024');
    expect(classOf(512, 512, 1024)).toBe('matmul, wide, few tiles, sums of 1024 or more');
    expect(classOf(32, 65536)).toBe('matmul, narrow, many tiles');
    expect(shapeClass({ ...wide, dtype: 'f16' })).toBe('matmul f16, wide, few tiles, sums below 1024');
  });

  it('never chooses what the device cannot run, nor a variant that is not known', () => {
    const plain = device(false, 0);
    useVariants({
      [deviceClass(plain)]: measured({ [shapeClass(wide)]: 'lanes', [shapeClass(narrow)]: 'new' }),
    });
    expect(familyFor(plain, wide)).toBe('tiled');
    expect(familyFor(plain, narrow)).toBe('tiled');
  });

  it('follows what a device was acquired with, by kind of work, where it can run', () => {
    const asked = { ...device(true, 8), kernels: 'matmul=tiled:64x64, conv2d=direct' } as unknown as Device;
    expect(variantFor(asked, wide).name).toBe('tiled:64x64');
    expect(familyFor(asked, { ...wide, kind: 'conv2d' })).toBe('direct');
    expect(familyFor(asked, { ...wide, kind: 'conv2dWeightGrad' })).toBe('lanes');
    forceVariants('lanes');
    expect(familyFor(asked, wide)).toBe('lanes');
    const none = { ...device(false, 0), kernels: 'lanes' } as unknown as Device;
    expect(familyFor(none, wide)).toBe('tiled');
  });

  it('lists what there is when a name is not known', () => {
    expect(parseChoice('')).toEqual({});
    expect(parseChoice('matmul=lanes')).toEqual({ matmul: 'lanes' });
    for (const wrong of ['tilde', 'tiled:7x7', 'matmul=', 'softmax=lanes']) {
      expect(() => parseChoice(wrong)).toThrow(VariantError);
      expect(() => parseChoice(wrong)).toThrow(/tiled:64x64.*\n.*conv2dWeightGrad/);
    }
  });

  it('has families that can be named alone', () => {
    for (const { family, name } of VARIANTS) {
      expect(parseChoice(family).matmul).toBe(family);
      expect(parseChoice(name).conv2d).toBe(name);
    }
  });
});

describe('tiles', () => {
  const nvidia = device(false, 32, 'nvidia');
  const integrated = device(false, 32, 'intel');
  const called = (name: string) => {
    const { info, capabilities } = device(false, 0, 'other');
    return { info: { ...info, device: name }, capabilities } as Device;
  };
  const tile = (one: Device, rows: number, columns: number, terms: number, batch = 1) =>
    defaultTile(one, { kind: 'matmul', rows, columns, terms, batch }).join('x');

  it('are large where there are enough of them to fill the device', () => {
    expect(tile(nvidia, 4096, 4096, 4096)).toBe('128x128');
    expect(tile(nvidia, 1024, 4096, 256)).toBe('128x128');
    expect(tile(nvidia, 1024, 1024, 1024)).toBe('64x64');
    expect(tile(nvidia, 512, 1024, 256)).toBe('32x32');
    expect(tile(nvidia, 256, 256, 256)).toBe('32x32');
    expect(tile(integrated, 4096, 4096, 4096)).toBe('64x64');
    expect(tile(integrated, 512, 512, 512)).toBe('64x64');
    expect(tile(integrated, 256, 256, 256)).toBe('32x32');
  });

  it('are those of cards by the names that cards have', () => {
    for (const name of [
      'AMD Radeon RX 7900 XT (RADV NAVI31)',
      'Intel(R) Arc(TM) A770 Graphics (DG2)',
      'AMD Instinct MI300X',
      // as Dawn writes them
      'amd-radeon-rx-7900-xt-radv-navi31-',
      'amd-radeon-tm-pro-w7900',
      'intel-r-arc-tm-a770-graphics-dg2-',
    ]) {
      expect(tile(called(name), 4096, 4096, 4096)).toBe('128x128');
    }
    for (const name of [
      'AMD Radeon Graphics (RADV PHOENIX)',
      'Intel(R) UHD Graphics 770',
      'Intel(R) Arc(TM) Graphics',
      'Apple M2',
      'amd-radeon-graphics-radv-phoenix-',
      'intel-r-arc-tm-graphics',
    ]) {
      expect(tile(called(name), 4096, 4096, 4096)).toBe('64x64');
    }
  });

  it('are large where long sums in slots fill the device', () => {
    expect(tile(nvidia, 1024, 1024, 4096)).toBe('128x128');
    expect(tile(nvidia, 1024, 64, 9216)).toBe('64x64');
  });

  it('are small where larger ones would be half empty', () => {
    expect(tile(nvidia, 32, 1 << 20, 288)).toBe('32x32');
    expect(tile(nvidia, 64, 1 << 20, 288)).toBe('64x128');
    expect(tile(nvidia, 136, 1 << 20, 288)).toBe('64x128');
    expect(tile(nvidia, 200, 1 << 20, 288)).toBe('128x128');
  });

  it.each([
    ['tiles', cutTiles],
    ['other kernels', cutTerms],
  ])('cut sums of %s into slots that cover them, in multiples of a step', (_, cut) => {
    for (const [rows, columns, terms, batch] of [
      [64, 64, 4096, 1],
      [36, 68, 1036, 1],
      [70, 130, 5000, 3],
    ]) {
      const { slots, slotTerms } = cut(nvidia, { rows, columns, terms, batch }, [64, 64]);
      expect(slots).toBeGreaterThan(1);
      expect(slotTerms % 16).toBe(0);
      expect((slots - 1) * slotTerms).toBeLessThan(terms);
      expect(slots * slotTerms).toBeGreaterThanOrEqual(terms);
    }
  });

  it('cut fewer slots where fewer workgroups fill the device', () => {
    const deep = { rows: 512, columns: 256, terms: 4096, batch: 1 };
    expect([cutTerms, cutTiles].map((cut) => cut(nvidia, deep, [64, 64]).slots)).toEqual([4, 8]);
    expect([cutTerms, cutTiles].map((cut) => cut(integrated, deep, [64, 64]).slots)).toEqual([1, 1]);
  });

  it('leave sums whole where tiles fill the device, sums are short, or the parts would be large', () => {
    const whole = { tile: [64, 64], slots: 1 };
    for (const cut of [cutTerms, cutTiles]) {
      expect(cut(nvidia, { rows: 2048, columns: 1024, terms: 8192, batch: 1 }, [64, 64])).toMatchObject(whole);
      expect(cut(nvidia, { rows: 64, columns: 64, terms: 1000, batch: 1 }, [64, 64])).toMatchObject(whole);
      expect(cut(nvidia, { rows: 64, columns: 64, terms: 1 << 20, batch: 3000 }, [64, 64])).toMatchObject(whole);
    }
  });
});

describe('sums in slots', () => {
  it('are no longer than asked for, as far as there is room for partial sums', () => {
    for (const cut of [cutTerms, cutTiles]) {
      const slots = (terms: number, rows: number, batch: number) =>
        cut(device(false, 32, 'nvidia'), { rows, columns: rows, terms, batch }, [64, 64], { longest: 1024 }).slots;
      expect([1024, 1040, 8192].map((terms) => slots(terms, 256, 36))).toEqual([1, 2, 7]);
      expect(slots(8192, 1024, 36)).toBe(1);
    }
  });
});

describe('tuning', () => {
  const times = (us: number) => summarize(Array.from({ length: 8 }, (_, i) => us * (1 + 0.02 * i)));
  const shape = (work: MatrixWork, lanes: number, tiled: number, direct: number): TunedShape => ({
    ...{ work, sample: '' },
    times: new Map([
      ['lanes', times(lanes)],
      ['tiled:64x64', times(tiled)],
      ['direct', times(direct)],
    ]),
  });
  const software = device(true, 8);

  it('chooses what wins in every shape of a class, the fastest in the mean', () => {
    const found = [shape(narrow, 100, 80, 50), shape(narrow, 100, 40, 80), shape(wide, 50, 60, 70)];
    expect(choose(software, found)).toEqual({ [shapeClass(narrow)]: 'tiled:64x64' });
  });

  it('leaves the default where another wins once, by little, or by chance', () => {
    expect(choose(software, [shape(narrow, 100, 200, 50), shape(narrow, 100, 200, 110)])).toEqual({});
    expect(choose(software, [shape(narrow, 100, 200, 95)])).toEqual({});
    const noisy = summarize([10, 20, 100, 100, 200, 300, 400, 500]);
    const other = summarize([5, 30, 60, 90, 90, 250, 350, 600]);
    const found: TunedShape = {
      work: narrow,
      sample: '',
      times: new Map([
        ['lanes', noisy],
        ['direct', other],
      ]),
    };
    expect(choose(software, [found])).toEqual({});
  });

  it('leaves the default where a variant does not compute a shape, and counts it so', () => {
    const some = (one: TunedShape, ...names: string[]): TunedShape => ({
      ...one,
      times: new Map([...one.times].filter(([name]) => !names.includes(name))),
    });
    // the one is twice as fast where it can, the other everywhere
    const [first, second] = [shape(narrow, 100, 40, 50), some(shape(narrow, 100, 100, 60), 'tiled:64x64')];
    expect(choose(software, [first, second])).toEqual({ [shapeClass(narrow)]: 'direct' });
    const third = some(shape(narrow, 100, 100, 99), 'tiled:64x64');
    expect(choose(software, [first, third])).toEqual({ [shapeClass(narrow)]: 'tiled:64x64' });
    expect(choose(software, [third])).toEqual({});
  });

  it('has two shapes or more for every class that it may write', () => {
    const classes = tuneShapes.map(({ work }) => shapeClass(work));
    expect(new Set(classes).size).toBe(2 * 28);
    for (const name of classes) expect(classes.filter((other) => other === name).length).toBeGreaterThan(1);
  });

  it('keeps the lines of other devices, and classes that were not timed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'miaobi-tune-'));
    const file = pathToFileURL(path.join(folder, 'variants.json'));
    const before = { 'zeta, subgroups of 4': measured({ [shapeClass(wide)]: 'direct' }) };
    const environment = { driver: 'acme 1', dawn: 'webgpu 1', date: 'today', commit: 'abc' } as Environment;
    const known = measured({ [shapeClass(narrow)]: 'lanes', [shapeClass(wide)]: 'tiled:32x32' });
    const found = [shape(narrow, 100, 90, 50)];
    const entry = entryOf(known, environment, found, { [shapeClass(narrow)]: 'direct' });
    await writeVariants(file, before, software, entry);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      'acme software, subgroups of 8': {
        ...{ adapter: 'acme 1', dawn: 'webgpu 1', date: 'today', commit: 'abc' },
        variants: { [shapeClass(narrow)]: 'direct', [shapeClass(wide)]: 'tiled:32x32' },
      },
      ...before,
    });
    await rm(folder, { recursive: true });
  });

  it('times the shapes that a filter names, and on software drivers the small ones', () => {
    const { info, capabilities } = device(false, 32);
    const gpu = { info, capabilities: { ...capabilities, f16: true } } as Device;
    expect(shapesFor(gpu, '')).toEqual(tuneShapes);
    expect(new Set(shapesFor(gpu, 'matmul, wide').map(({ work }) => work.kind))).toEqual(new Set(['matmul']));
    expect(shapesFor(gpu, 'matmul, tall')).toEqual([]);
    expect(new Set(shapesFor({ info, capabilities }, '').map(({ work }) => work.dtype))).toEqual(new Set(['f32']));
    const sizes = (shapes: typeof tuneShapes) =>
      shapes.map(({ work }) => 2 * work.rows * work.columns * work.terms * work.batch);
    expect(Math.max(...sizes(shapesFor(software, '')))).toBeLessThanOrEqual(4e8);
    expect(Math.max(...sizes(tuneShapes))).toBeGreaterThan(1e11);
  });

  it('times the work that kernels look up', async () => {
    const nowhere = await acquireDevice({ device: 'null' });
    for (const { work, sample, make } of tuneShapes) {
      const seen: MatrixWork[] = [];
      watchVariants((_, own) => seen.push(own));
      nowhere.forecast(() => void make(nowhere).run());
      expect(seen[0], sample).toEqual(work);
    }
    watchVariants(undefined);
    nowhere.destroy();
  });

  it('times what the device can run, what is hopeless twice', async () => {
    const on = await acquireDevice();
    const [one] = shapesFor(on, 'conv2d, narrow, few tiles, sums below 1024: 3×3, 64>32');
    const [{ times }] = await tune(on, [one], 0, () => {});
    expect([...times.keys()]).toEqual(variantsOn(on, 'conv2d', one.work).map(({ name }) => name));
    const usual = times.get(defaultVariant(on, one.work).name);
    expect(usual?.sorted.length).toBe(5);
    for (const { sorted } of times.values()) expect([2, 5]).toContain(sorted.length);
    on.destroy();
  });

  it('has a table that names variants and classes that exist', async () => {
    const table = JSON.parse(await readFile(variantsFile, 'utf8')) as Record<string, MeasuredVariants>;
    const classes = new Set(tuneShapes.map(({ work }) => shapeClass(work)));
    for (const { variants, adapter, commit } of Object.values(table)) {
      expect([adapter, commit]).not.toContain('');
      for (const [name, variant] of Object.entries(variants)) {
        expect(classes).toContain(name);
        expect(() => parseChoice(variant)).not.toThrow();
      }
    }
  });
});
