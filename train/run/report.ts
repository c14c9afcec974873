/** `report.html`: one file that shows a run anywhere: curves, pictures, options, machine. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { stepName, stepOfName } from './checkpoint-state.ts';
import { type Curve, curvesOf, isExact, thin } from './curves.ts';
import { describeRun } from './describe-run.ts';
import { writeText } from './folder.ts';
import { plotPng } from './plot.ts';
import { type EmbeddedSheet, reportHtml } from './report-page.ts';
import { SAMPLES, SHEET } from './samples.ts';

const MOST_POINTS = 2000;
const MOST_SHEETS = 6;
const SHEET_WIDTH = 1200;

/**
 * Writes `report.html` and `plots/*.png` of a run as it stands.
 *
 * @returns the path of the report
 * @throws RequestError when the folder is no run
 */
export async function writeReport(path: string): Promise<string> {
  const run = await describeRun(path);
  const curves = curvesOf(run.metrics, run.evaluations);
  await writePlots(path, curves);
  const uplot = await readUplot();
  const sheets = await embedSheets(path);
  const html = reportHtml({ run, curves: curves.map((curve) => thin(curve, MOST_POINTS)), sheets, uplot });
  const out = join(path, 'report.html');
  await writeText(out, html);
  return out;
}

/** One PNG a curve. @returns the paths */
export async function writePlots(path: string, curves: readonly Curve[], weight = 0.6): Promise<string[]> {
  await mkdir(join(path, 'plots'), { recursive: true });
  const written: string[] = [];
  for (const curve of curves) {
    const out = join(path, 'plots', `${curve.name.replaceAll(/[^\w.-]+/g, '-')}.png`);
    await writeText(out, await plotPng([curve], { title: curve.name, smooth: isExact(curve) ? 0 : weight }));
    written.push(out);
  }
  return written;
}

async function readUplot(): Promise<{ script: string; style: string }> {
  const require = createRequire(import.meta.url);
  const read = (file: string) => readFile(require.resolve(`uplot/dist/${file}`), 'utf8');
  return { script: await read('uPlot.iife.min.js'), style: await read('uPlot.min.css') };
}

/** The first sheet, the last, and some between; reduced to the width of a page. */
async function embedSheets(path: string): Promise<EmbeddedSheet[]> {
  const names = await readdir(join(path, SAMPLES)).catch(() => [] as string[]);
  const steps = names
    .map(stepOfName)
    .filter((step) => step !== undefined)
    .sort((a, b) => a - b);
  const sheets: EmbeddedSheet[] = [];
  for (const step of spread(steps, MOST_SHEETS)) {
    const picture = sharp(join(path, SAMPLES, stepName(step), SHEET), { limitInputPixels: false });
    const reduced = picture.resize({ width: SHEET_WIDTH, withoutEnlargement: true }).webp({ quality: 88 });
    const { data, info } = await reduced.toBuffer({ resolveWithObject: true });
    sheets.push({
      step,
      url: `data:image/webp;base64,${data.toString('base64')}`,
      width: info.width,
      height: info.height,
    });
  }
  return sheets;
}

/** At most `most` of them, first and last included. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
}
