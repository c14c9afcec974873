/** `samples/step-XXXXXXXX`: the pictures of a step, one by one and as one sheet. */
import { randomBytes } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import { fromPlanar, type Picture } from '../data/image/picture.ts';
import type { SamplePicture } from '../recipes/recipe.ts';
import { replaceFolder } from './checkpoint.ts';
import { stepName } from './checkpoint-state.ts';
import type { EventImage } from './event-format.ts';
import { escapeXml } from './plot.ts';

const GAP = 4;
const HEAD = 18;
export const SAMPLES = 'samples';
export const SHEET = 'grid.png';

/**
 * Writes each picture as `ROW_NAME.png`, and `grid.png` with a row of the sheet for each row of pictures.
 *
 * @returns the sheet
 * @throws NonFiniteError when a picture holds a NaN
 */
export async function writeSamples(
  run: string,
  step: number,
  rows: readonly (readonly SamplePicture[])[],
): Promise<EventImage> {
  const parent = join(run, SAMPLES);
  const name = stepName(step);
  const temporary = join(parent, `.${name}.${randomBytes(4).toString('hex')}.tmp`);
  await mkdir(temporary, { recursive: true });
  const pictures = rows.map((row) => row.map((one) => fromPlanar(one.planar, one.width, one.height)));
  for (const [r, row] of rows.entries()) {
    for (const [c, { name: column }] of row.entries()) {
      await writeFile(join(temporary, `${r}_${column}.png`), await encode(pictures[r][c]));
    }
  }
  const names = rows[0].map(({ name: column }) => column);
  const sheet = await labelledSheet(pictures, names);
  await writeFile(join(temporary, SHEET), sheet.png);
  await replaceFolder(temporary, join(parent, name));
  return sheet;
}

/** Rows of 8-bit pictures as one PNG, with the names of their columns above. */
export async function labelledSheet(
  rows: readonly (readonly Picture[])[],
  names: readonly string[],
): Promise<EventImage> {
  const { sheet, columns } = sheetOf(rows);
  const png = await encode(sheet, [{ input: Buffer.from(headSvg(names, columns, sheet.width)), left: 0, top: 0 }]);
  return { width: sheet.width, height: sheet.height, png };
}

/** Whether a step has its sheet. */
export function hasSamples(run: string, step: number): Promise<boolean> {
  return access(join(run, SAMPLES, stepName(step), SHEET)).then(
    () => true,
    () => false,
  );
}

/** Rows of pictures on mid-grey, columns aligned, with room for their names above. */
function sheetOf(rows: readonly (readonly Picture[])[]): { sheet: Picture; columns: readonly Column[] } {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => row[c]?.width ?? 0)));
  const heights = rows.map((row) => Math.max(...row.map(({ height }) => height)));
  const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size + GAP, GAP);
  const [width, height] = [total(widths), HEAD + total(heights)];
  const rgb = new Uint8Array(3 * width * height).fill(128);
  let top = HEAD + GAP;
  for (const [r, row] of rows.entries()) {
    let left = GAP;
    for (const [c, picture] of row.entries()) {
      for (let y = 0; y < picture.height; y++) {
        const line = picture.rgb.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
        rgb.set(line, 3 * ((top + y) * width + left));
      }
      left += widths[c] + GAP;
    }
    top += heights[r] + GAP;
  }
  const columnsAt = widths.map((size, c) => ({ left: total(widths.slice(0, c)), width: size }));
  return { sheet: { width, height, bitDepth: 8, rgb }, columns: columnsAt };
}

interface Column {
  readonly left: number;
  readonly width: number;
}

/** The names of the columns, as large as the narrowest takes. */
function headSvg(names: readonly string[], columns: readonly Column[], width: number): string {
  const size = Math.min(13, ...names.map((name, c) => (1.6 * columns[c].width) / Math.max(1, name.length)));
  const texts = names.map((name, c) => {
    const middle = columns[c].left + columns[c].width / 2;
    return `<text x="${middle}" y="${HEAD - 3}" text-anchor="middle">${escapeXml(name)}</text>`;
  });
  const style = `font-family="sans-serif" font-size="${size}" fill="#ffffff"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEAD}" ${style}>${texts.join('')}</svg>`;
}

function encode({ rgb, width, height }: Picture, over: OverlayOptions[] = []): Promise<Buffer> {
  const raw = { width, height, channels: 3 } as const;
  return sharp(rgb, { raw, limitInputPixels: false }).composite(over).removeAlpha().png().toBuffer();
}
