import { describe, expect, it } from 'vitest';
import { tensor } from '../../engine/index.ts';
import { type LapTable, lapTable, mattingLaplacian } from '../../kernels/index.ts';
import { mattingLaplacianRef } from '../../kernels/matting-laplacian/reference.ts';
import { testDevice } from '../support/device.ts';
import { generator, normals } from '../support/samples.ts';

const device = await testDevice();
const [WIDTH, HEIGHT] = [19, 14];
const AREA = WIDTH * HEIGHT;

type Colour = (x: number, y: number) => readonly [number, number, number];
const table = (colour: Colour, radius = 1): LapTable => {
  const pixels = Array.from({ length: AREA }, (_, i) => colour(i % WIDTH, Math.floor(i / WIDTH)));
  return lapTable(Uint8Array.from(pixels.flat()), WIDTH, HEIGHT, radius);
};

const PICTURES: Record<string, Colour> = {
  flat: () => [13, 200, 77],
  grey: (x, y) => {
    const v = 120 + 110 * Math.sin(x * 1.3 + y);
    return [v, v, v];
  },
  'grey but for one pixel': (x, y) => [x === 7 && y === 5 ? 101 : (x * 37) % 255, (x * 37) % 255, (x * 37) % 255],
  'an edge between flat areas': (x) => (x < 9 ? [10, 20, 30] : [250, 240, 255]),
  'steps of one level': (x, y) => [100 + (x % 2), 100 + (y % 2), 100 + ((x + y) % 2)],
  noise: (x, y) => [(x * 7919 + y * 104729) % 256, (x * 6151 + y * 3571) % 256, (x * 31 + y * 9973) % 256],
};

async function apply(from: LapTable, planes: ArrayLike<number>): Promise<Float32Array> {
  const x = tensor(device, planes, [1, planes.length / AREA, HEIGHT, WIDTH]);
  const lv = mattingLaplacian(from, x);
  const found = (await lv.data()) as Float32Array;
  for (const t of [x, lv]) t.dispose();
  return found;
}

const draw = (seed: number) => Float32Array.from(normals(generator(seed), [AREA]).data);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, x, i) => s + x * b[i], 0);

describe('mattingLaplacian', () => {
  describe.each(Object.entries(PICTURES))('of a picture that is %s', (_, colour) => {
    it.each([1, 2])('follows the definition, radius %i', async (radius) => {
      const from = table(colour, radius);
      const v = draw(3);
      const got = await apply(from, v);
      const want = mattingLaplacianRef({ shape: [1, 1, HEIGHT, WIDTH], data: Float64Array.from(v) }, [from]).data;
      const scale = Math.sqrt(dot(want, want) / AREA);
      want.forEach((x, i) => {
        expect(Math.abs(got[i] - x) / scale, `pixel ${i}`).toBeLessThan(1e-5);
      });
    });

    it('is symmetric and never negative', async () => {
      const from = table(colour);
      const [u, v] = [draw(5), draw(6)];
      const [lu, lv] = [await apply(from, u), await apply(from, v)];
      const size = Math.sqrt(dot(u, u) * dot(lv, lv));
      expect(Math.abs(dot(u, lv) - dot(v, lu)) / size).toBeLessThan(1e-6);
      expect(dot(u, lu)).toBeGreaterThan(0);
    });

    it('maps constants to exact zeros', async () => {
      expect((await apply(table(colour), new Float32Array(AREA).fill(0.7))).every((x) => x === 0)).toBe(true);
    });
  });

  it('all but vanishes on affine functions of the colours', async () => {
    const colour = PICTURES.noise;
    const v = Float32Array.from({ length: AREA }, (_, i) => {
      const [r, g, b] = colour(i % WIDTH, Math.floor(i / WIDTH));
      return (0.5 * r - 0.25 * g + 0.125 * b) / 255 + 0.3;
    });
    const largest = Math.max(...(await apply(table(colour), v)).map(Math.abs));
    expect(largest).toBeLessThan(2e-6);
  });

  it('takes one table a picture', async () => {
    const [a, b] = [table(PICTURES.noise), table(PICTURES.grey)];
    const v = draw(8);
    const x = tensor(device, [...v, ...v], [2, 1, HEIGHT, WIDTH]);
    const both = await mattingLaplacian([a, b], x).data();
    expect([...both]).toEqual([...(await apply(a, v)), ...(await apply(b, v))]);
  });

  it('refuses tables of another size, and too few of them', () => {
    const x = tensor(device, new Float32Array(2 * AREA), [2, 1, HEIGHT, WIDTH]);
    expect(() => mattingLaplacian(table(PICTURES.flat), x)).toThrow(/N tables .* got v \[2,1,14,19\]/s);
    const turned = tensor(device, new Float32Array(AREA), [1, 1, WIDTH, HEIGHT]);
    expect(() => mattingLaplacian(table(PICTURES.flat), turned)).toThrow(/19 × 14 of radius 1/);
    expect(() => lapTable(new Uint8Array(3 * 4 * 2), 4, 2)).toThrow(/sides of at least 3/);
    expect(() => lapTable(new Uint8Array(12), 4, 4)).toThrow(/got 12 bytes/);
    expect(() => lapTable(new Uint8Array(48), 4, 4, 1, 0)).toThrow(/eps of at least 1e-12, got 0/);
  });
});
