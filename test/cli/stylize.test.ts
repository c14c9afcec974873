/** What `miaobi stylize` does with good input. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { channelStatistics } from '../../train/data/image/channel-statistics.ts';
import type { Picture } from '../../train/data/image/picture.ts';
import { readImage } from '../../train/data/image/read.ts';
import { command } from './in-process.ts';
import { folderOfFile, pixels, scene, scenePng, stripes, weightsFile } from './pictures.ts';
import { miaobi } from './spawn.ts';

const { at } = folderOfFile();
const [RED, GREEN, BLUE] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
];

beforeAll(async () => {
  await weightsFile(at('photo.safetensors'));
  await scenePng(at('noon.png'), 32, 24, 'noon');
  await scenePng(at('dusk.png'), 24, 28, 'dusk');
  await scenePng(at('moss.png'), 20, 20, 'moss');
});

/** Runs to its end and returns what was said. */
async function stylize(...args: string[]) {
  const ended = await command('stylize', '--weights', at('photo.safetensors'), '--no-color', ...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

/** Paints one content and reads the result. */
async function painted(name: string, content: string, ...flags: string[]): Promise<Picture> {
  await stylize(content, '--style', at('dusk.png'), '-o', at(name), ...flags);
  return readImage(at(name));
}

let plainResult: Promise<Picture> | undefined;
/** noon.png in the style of dusk.png, without any flag. */
function plain(): Promise<Picture> {
  plainResult ??= painted('plain.png', at('noon.png'));
  return plainResult;
}

function largestStep(a: Picture, b: Picture): number {
  expect([a.width, a.height, a.rgb.length]).toEqual([b.width, b.height, b.rgb.length]);
  return Array.from(a.rgb).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.rgb[i])), 0);
}

describe('the picture', () => {
  it('takes the colours of the style, and less of them with less alpha', async () => {
    const full = channelStatistics(await plain());
    const half = channelStatistics(await painted('half.png', at('noon.png'), '--alpha', '0.5'));
    const own = channelStatistics(scene(32, 24, 'noon'));
    const wanted = channelStatistics(scene(24, 28, 'dusk'));
    // exact in the latent; a picture of it is clamped, and leaves 29 of its 32 channels behind
    const distance = (from: typeof own) =>
      Math.hypot(...from.flatMap((c, i) => [c.mean - wanted[i].mean, c.deviation - wanted[i].deviation]));
    expect(distance(full)).toBeLessThan(0.25 * distance(own));
    for (let c = 0; c < 3; c++) {
      expect(Math.abs(full[c].mean - wanted[c].mean)).toBeLessThan(0.02);
      expect(Math.abs(half[c].mean - (own[c].mean + wanted[c].mean) / 2)).toBeLessThan(0.03);
    }
  });

  it('comes back with --alpha 0, and --alpha-c says the same from the other end', async () => {
    const content = await readImage(at('noon.png'));
    expect(largestStep(await painted('same.png', at('noon.png'), '--alpha', '0'), content)).toBeLessThanOrEqual(1);
    const third = await painted('third.png', at('noon.png'), '--alpha', '0.3');
    expect(largestStep(await painted('third-c.png', at('noon.png'), '--alpha-c', '0.7'), third)).toBe(0);
    expect(largestStep(third, content)).toBeGreaterThan(5);
  });

  it('keeps its size, whatever that is', async () => {
    const sizes = [
      [2, 2],
      [7, 5],
      [33, 3],
      [30, 31],
    ];
    const files = await Promise.all(sizes.map(([w, h]) => scenePng(at(`${w}x${h}.png`), w, h, 'noon')));
    await stylize(...files, '--style', at('dusk.png'), '-o', at('sizes'));
    for (const [width, height] of sizes) {
      const out = await readImage(at('sizes', `${width}x${height}_dusk.png`));
      expect([out.width, out.height]).toEqual([width, height]);
    }
  });

  it('is turned upright, in the style as well', async () => {
    const upright = scene(20, 28, 'noon');
    await pixels(upright).png().toFile(at('upright.png'));
    const sideways = await pixels(upright).rotate(270).png().toBuffer();
    await sharp(sideways).withMetadata({ orientation: 6 }).png().toFile(at('sideways.png'));
    const want = await painted('want.png', at('upright.png'));
    expect([want.width, want.height]).toEqual([20, 28]);
    expect(largestStep(await painted('got.png', at('sideways.png')), want)).toBe(0);
    await stylize(at('noon.png'), '--style', at('upright.png'), '-o', at('style-up.png'));
    await stylize(at('noon.png'), '--style', at('sideways.png'), '-o', at('style-side.png'));
    expect(await readFile(at('style-side.png'))).toEqual(await readFile(at('style-up.png')));
  });

  it('keeps its transparency, and colours under it are painted as if it were not there', async () => {
    const alpha = Uint8Array.from({ length: 32 * 24 }, (_, i) => (i * 7) % 256);
    const raw = { width: 32, height: 24, channels: 1 } as const;
    await pixels(scene(32, 24, 'noon'))
      .joinChannel(Buffer.from(alpha), { raw })
      .png()
      .toFile(at('glass.png'));
    const out = await painted('glass-out.png', at('glass.png'));
    expect(out.alpha).toEqual(alpha);
    expect(largestStep(out, await plain())).toBe(0);
  });

  it('may be grey, and then gets colours', async () => {
    await pixels(scene(24, 24, 'noon'))
      .greyscale()
      .toColourspace('b-w')
      .png()
      .toFile(at('grey.png'));
    expect((await readImage(at('grey.png'))).wasGrey).toBe(true);
    const [red, , blue] = channelStatistics(await painted('grey-out.png', at('grey.png')));
    expect(red.mean - blue.mean).toBeGreaterThan(0.15); // dusk is red
  });

  it('keeps 16 bits, painted as finely as they are', async () => {
    await pixels(scene(32, 24, 'noon', 16))
      .png()
      .toFile(at('deep.png'));
    const out = await painted('deep-out.png', at('deep.png'));
    expect(out.bitDepth).toBe(16);
    expect(
      largestStep({ ...out, rgb: Uint8Array.from(out.rgb, (v) => Math.round(v / 257)) }, await plain()),
    ).toBeLessThan(3);
    expect(new Set(Array.from(out.rgb, (v) => v % 257)).size).toBeGreaterThan(100);
  });

  it('is read in sRGB whatever profile it has', async () => {
    const p3 = await pixels(scene(32, 24, 'moss'))
      .withIccProfile('p3', { attach: true })
      .png()
      .toBuffer();
    await sharp(p3).keepIccProfile().toFile(at('p3.png'));
    expect((await sharp(at('p3.png')).metadata()).hasProfile).toBe(true);
    const plain = await painted('srgb-out.png', await scenePng(at('srgb.png'), 32, 24, 'moss'));
    expect(largestStep(await painted('p3-out.png', at('p3.png')), plain)).toBeLessThan(12);
  });
});

describe('styles', () => {
  it('are mixed by their shares', async () => {
    const mean = async (...share: string[]) => {
      const args = [
        at('noon.png'),
        '--style',
        at('dusk.png'),
        at('moss.png'),
        '--style-weight',
        ...share,
        '--overwrite',
      ];
      const { stdout } = await stylize(...args, '-o', at('mixed'));
      expect(stdout).toBe(`${at('mixed', 'noon_dusk+moss.png')}\n`);
      return channelStatistics(await readImage(at('mixed', 'noon_dusk+moss.png')))[0].mean;
    };
    const [dusk, moss] = [await mean('1', '0'), await mean('0', '5')];
    expect(dusk - moss).toBeGreaterThan(0.2);
    expect(await mean('3', '1')).toBeCloseTo(0.75 * dusk + 0.25 * moss, 1);
  });

  it('are matched by region, and what the style lacks is named', async () => {
    const contentMask = await stripes(at('cmask.png'), 32, 24, [RED, GREEN]);
    const styleMask = await stripes(at('smask.png'), 12, 14, [BLUE, RED]);
    const flags = ['--content-seg', contentMask, '--style-seg', styleMask];
    const { stderr } = await stylize(at('noon.png'), '--style', at('dusk.png'), '-o', at('masked.png'), ...flags);
    expect(stderr).toMatch(
      /regions repainted: red \(50 %\); kept as they are: green \(50 %\), which a style's mask lacks/,
    );
    const [result, content] = [await readImage(at('masked.png')), await readImage(at('noon.png'))];
    const change = (from: number, to: number) => {
      const steps = Array.from(result.rgb, (value, i) => Math.abs(value - content.rgb[i]));
      const inside = steps.filter((_, i) => Math.floor(i / 3) % 32 >= from && Math.floor(i / 3) % 32 < to);
      return inside.reduce((sum, step) => sum + step, 0) / inside.length;
    };
    expect(change(0, 12)).toBeGreaterThan(5 * change(24, 32));
  });

  it('with masks that share no colour are refused', async () => {
    const flags = [
      '--content-seg',
      await stripes(at('r.png'), 8, 8, [RED]),
      '--style-seg',
      await stripes(at('b.png'), 8, 8, [BLUE]),
    ];
    const args = [at('noon.png'), '--style', at('dusk.png'), '--weights', at('photo.safetensors'), ...flags];
    const { code, stderr } = await command('stylize', ...args, '-o', at('nothing.png'));
    expect([code, existsSync(at('nothing.png'))]).toEqual([4, false]);
    expect(stderr).toMatch(/Masks: expected a colour.*red \(100 %\), which a style's mask lacks.*same colour/);
  });
});

describe('sizes', () => {
  it('follow the original with --compat: multiples of 4, fractions cut off', async () => {
    const content = await scenePng(at('odd.png'), 31, 26, 'noon');
    const compat = await painted('compat.png', content, '--compat');
    expect([compat.width, compat.height]).toEqual([28, 24]);
    // 32 x 24 is a multiple of 4: only the rounding differs
    await scenePng(at('dusk.png'), 24, 28, 'dusk');
    const [cut, rounded] = [
      await painted('cut.png', at('noon.png'), '--compat'),
      await painted('round.png', at('noon.png')),
    ];
    const steps = new Set(rounded.rgb.map((value, i) => value - cut.rgb[i]));
    expect([...steps].sort()).toEqual([0, 1]);
  });

  it('are reduced to --max-size and never enlarged', async () => {
    const small = await painted('small.png', at('noon.png'), '--max-size', '16');
    expect([small.width, small.height]).toEqual([16, 12]);
    const same = await painted('not-larger.png', at('noon.png'), '--max-size', '640');
    expect([same.width, same.height]).toEqual([32, 24]);
  });
});

describe('the run', () => {
  it('says nothing but the path with --quiet', async () => {
    const { stdout, stderr } = await stylize(at('noon.png'), '--style', at('dusk.png'), '-o', at('q.png'), '--quiet');
    expect([stdout, stderr]).toEqual([`${at('q.png')}\n`, '']);
  });

  it('comes close to f32 with --precision f16', async () => {
    const half = await painted('f16.png', at('noon.png'), '--precision', 'f16');
    expect(largestStep(half, await plain())).toBeLessThanOrEqual(3);
  });

  it('prints kernels and ops with --profile', async () => {
    const args = ['--style', at('dusk.png'), '-o', at('profiled.png'), '--profile'];
    const { stderr } = await stylize(at('noon.png'), ...args);
    expect(stderr).toMatch(/kernel .*GPU ms.*GFLOP\/s/);
    expect(stderr).toMatch(/│ conv2d\.\w+ +│ +\d+ │/);
  });

  it('without weights takes those of the seed, says so, and gives the same bytes in another process', async () => {
    const args = ['stylize', at('noon.png'), '--style', at('dusk.png'), '--seed', '0', '-o', at('apart.png')];
    const ended = await miaobi(args);
    expect(ended).toMatchObject({ code: 0, stdout: `${at('apart.png')}\n` });
    expect(ended.stderr).toMatch(/Weights: untrained weights of seed 0, photo network\..*miaobi ckpt convert/);
    await plain();
    expect(await readFile(at('apart.png'))).toEqual(await readFile(at('plain.png')));
  });
});
