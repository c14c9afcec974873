/** Rows under the roofline: arithmetic against what it reads and writes, on logarithmic axes. */
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { escapeXml } from '../train/run/plot.ts';
import { families, familyOf } from './family.ts';
import { type Row, titleOf } from './row.ts';

const WIDTH = 1080;
const HEIGHT = 640;
/** The plot of rows that compute, and left of it the strip of those that only move data. */
const PLOT = { left: 250, right: WIDTH - 24, top: 86, bottom: HEIGHT - 58 };
const STRIP = { left: 74, right: 190 };
/** Of the roof; below it a row's name is written beside it. */
const FAR_BELOW = 0.25;
const MOST_LABELS = 14;

interface Point {
  readonly row: Row;
  readonly x: number;
  readonly y: number;
}

/** @param file  ends in .svg or .png */
export async function writePicture(file: string, rows: readonly Row[]): Promise<void> {
  const svg = pictureSvg(rows);
  await writeFile(file, /\.png$/i.test(file) ? await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer() : svg);
}

export function pictureSvg(rows: readonly Row[]): string {
  const drawn = rows.filter(({ gbs }) => gbs !== undefined && gbs > 0);
  const [first] = drawn;
  if (!first) return frame(['<text x="74" y="60" fill="#4b5563">No row has a cost to draw.</text>'], 'Roofline');
  const computing = drawn.filter(({ gflops }) => (gflops as number) > 0);
  const moving = drawn.filter(({ gflops }) => gflops === 0);
  return frame([roofs(first, computing), strip(first, moving)], `Roofline of ${first.driver}`, about(drawn));
}

function about(rows: readonly Row[]): string {
  const shares = rows.map(({ share = Number.NaN }) => share).sort((a, b) => a - b);
  const middle = shares[Math.floor(shares.length / 2)];
  return `${rows.length} rows; half of them reach ${(100 * middle).toFixed(0)} % of the roof or more`;
}

function frame(parts: readonly string[], title: string, subtitle = ''): string {
  const legend = families.map(({ name, colour }, i) => {
    const x = PLOT.left + 118 * i + (i > 2 ? 20 : 0);
    return `<circle cx="${x}" cy="66" r="5" fill="${colour}"/><text x="${x + 10}" y="70" fill="#374151">${name}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="24" y="26" font-size="16" font-weight="bold" fill="#111827">${escapeXml(title)}</text>`,
    `<text x="24" y="46" fill="#6b7280">${escapeXml(subtitle)}</text>`,
    ...legend,
    `<text x="${PLOT.right}" y="46" text-anchor="end" fill="#6b7280">full: forward, hollow: backward</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

interface Axis {
  at(value: number): number;
  readonly low: number;
  readonly high: number;
}

function logAxis(low: number, high: number, from: number, to: number): Axis {
  const span = Math.log10(high / low);
  return { low, high, at: (value) => from + (Math.log10(value / low) / span) * (to - from) };
}

/** The next 1, 2 or 5 times a power of ten below (or above), so that axes end at round numbers. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((step) => step * power).find((step) => step <= value * (1 + 1e-9)) as number;
}
const roundUp = (value: number) => 1 / roundDown(1 / value);

function roofs(environment: Row, rows: readonly Row[]): string {
  const { roofGbs, roofGflops } = environment;
  const intensities = rows.map(intensityOf);
  const ridge = roofGflops / roofGbs;
  const speeds = rows.map(({ gflops }) => gflops as number);
  const tops = [roofGflops, environment.roofHalfGflops ?? 0, environment.roofMatrixGflops ?? 0, ...speeds];
  const x = logAxis(
    roundDown(Math.min(...intensities, ridge / 4)),
    roundUp(Math.max(...intensities, ridge * 4)),
    PLOT.left,
    PLOT.right,
  );
  const y = logAxis(
    roundDown(Math.min(...speeds, roofGflops / 10)),
    roundUp(1.5 * Math.max(...tops)),
    PLOT.bottom,
    PLOT.top,
  );
  const points = rows.map((row) => ({ row, x: x.at(intensityOf(row)), y: y.at(row.gflops as number) }));
  return [
    grid(x, y),
    ...points.map(dot),
    bandwidthLine(environment, x, y),
    ...peaks(environment).map(({ gflops, name, dash }) => peakLine(gflops, name, dash, roofGbs, x, y)),
    ...labels(points),
    `<text x="${PLOT.right}" y="${HEIGHT - 14}" text-anchor="end" fill="#4b5563">arithmetic intensity, FLOP a byte</text>`,
    vertical(PLOT.left - 44, 'GFLOP/s'),
  ].join('\n');
}

const intensityOf = ({ gflops, gbs }: Row): number => (gflops as number) / (gbs as number);

/** Kernels sum in f32, so its peak bounds them; the others show what the adapter has beyond that. */
function peaks({ roofGflops, roofHalfGflops, roofMatrixGflops }: Row) {
  const all = [
    { gflops: roofGflops, name: 'multiply-add, f32', dash: '' },
    { gflops: roofHalfGflops, name: 'multiply-add, f16', dash: '6 4' },
    { gflops: roofMatrixGflops, name: 'subgroup matrices', dash: '2 3' },
  ];
  return all.filter((peak): peak is { gflops: number; name: string; dash: string } => (peak.gflops ?? 0) > 0);
}

function peakLine(gflops: number, name: string, dash: string, gbs: number, x: Axis, y: Axis): string {
  const from = x.at(Math.min(Math.max(gflops / gbs, x.low), x.high));
  const at = y.at(gflops);
  return (
    `<line x1="${n(from)}" x2="${PLOT.right}" y1="${n(at)}" y2="${n(at)}" stroke="#111827" stroke-width="1.6" stroke-dasharray="${dash}"/>` +
    `<text x="${PLOT.right}" y="${n(at - 6)}" text-anchor="end" fill="#111827"${HALO}>${name}: ${speed(gflops)}</text>`
  );
}

function bandwidthLine(
  { roofGbs, roofGflops, roofHalfGflops = 0, roofMatrixGflops = 0 }: Row,
  x: Axis,
  y: Axis,
): string {
  // from where it enters the plot to the highest peak
  const low = Math.max(x.low, y.low / roofGbs);
  const high = Math.min(x.high, Math.max(roofGflops, roofHalfGflops, roofMatrixGflops) / roofGbs);
  const [x1, y1, x2, y2] = [x.at(low), y.at(low * roofGbs), x.at(high), y.at(high * roofGbs)].map(n);
  const angle = (Math.atan2(Number(y2) - Number(y1), Number(x2) - Number(x1)) * 180) / Math.PI;
  // towards the ridge, where few rows lie above the line
  const place = low ** 0.3 * (roofGflops / roofGbs) ** 0.7;
  const [mx, my] = [x.at(place), y.at(place * roofGbs) - 7];
  return (
    `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" stroke="#111827" stroke-width="1.6"/>` +
    `<text transform="translate(${n(mx)} ${n(my)}) rotate(${n(angle)})" text-anchor="middle" fill="#111827"${HALO}>` +
    `copy: ${short(roofGbs)} GB/s</text>`
  );
}

/** Rows without arithmetic have no place between the roofs: the bandwidth that each reaches. */
function strip(environment: Row, rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const speeds = rows.map(({ gbs }) => gbs as number);
  const { roofGbs } = environment;
  const y = logAxis(
    roundDown(Math.min(...speeds, roofGbs / 2)),
    roundUp(1.2 * Math.max(...speeds, roofGbs)),
    PLOT.bottom,
    PLOT.top,
  );
  const span = STRIP.right - STRIP.left - 24;
  const points = rows.map((row, i) => {
    const place = rows.length === 1 ? 0.5 : i / (rows.length - 1);
    return { row, x: STRIP.left + 12 + place * span, y: y.at(row.gbs as number) };
  });
  const roof = n(y.at(roofGbs));
  return [
    ...ticksOf(y).map((tick) => row(y.at(tick), tick, STRIP.left, STRIP.right)),
    `<rect x="${STRIP.left}" y="${PLOT.top}" width="${STRIP.right - STRIP.left}" height="${PLOT.bottom - PLOT.top}" fill="none" stroke="#d1d5db"/>`,
    `<line x1="${STRIP.left}" x2="${STRIP.right}" y1="${roof}" y2="${roof}" stroke="#111827" stroke-width="1.6"/>`,
    ...points.map(dot),
    vertical(STRIP.left - 44, 'GB/s'),
    `<text x="${(STRIP.left + STRIP.right) / 2}" y="${PLOT.bottom + 18}" text-anchor="middle" fill="#4b5563">moves data only</text>`,
  ].join('\n');
}

function dot({ row, x, y }: Point): string {
  const { colour } = familyOf(row.op);
  const fill = /backward|gradient/.test(row.pass) ? '#ffffff' : colour;
  const share = row.share === undefined ? '' : `, ${(100 * row.share).toFixed(0)} % of roof`;
  const what = `${titleOf(row)}: ${speed(row.gflops ?? 0)}, ${short(row.gbs ?? 0)} GB/s${share}`;
  return (
    `<circle cx="${n(x)}" cy="${n(y)}" r="3.6" fill="${fill}" fill-opacity="0.75" stroke="${colour}" stroke-width="1.2">` +
    `<title>${escapeXml(what)}</title></circle>`
  );
}

/** The names of the rows farthest below the roof; those that would lie on others are left out. */
function labels(points: readonly Point[]): string[] {
  const far = points
    .filter(({ row }) => (row.share ?? 1) < FAR_BELOW)
    .sort((a, b) => (a.row.share as number) - (b.row.share as number));
  const placed: { x: number; y: number; width: number }[] = [];
  const texts: string[] = [];
  for (const { row, x, y } of far) {
    if (placed.length === MOST_LABELS) break;
    const name = `${row.op} · ${row.sample}${row.pass === 'forward' ? '' : ` · ${row.pass}`}`;
    const width = 5.6 * name.length;
    const left = x + 8 + width < PLOT.right ? x + 8 : x - 8 - width;
    const hidden = placed.some((p) => Math.abs(p.y - y) < 12 && left < p.x + p.width && p.x < left + width);
    if (hidden || texts.some((text) => text.includes(`>${escapeXml(name)}<`))) continue;
    placed.push({ x: left, y, width });
    texts.push(`<text x="${n(left)}" y="${n(y + 4)}" font-size="10.5" fill="#374151"${HALO}>${escapeXml(name)}</text>`);
  }
  return texts;
}

function grid(x: Axis, y: Axis): string {
  const columns = ticksOf(x).map((tick) => {
    const at = n(x.at(tick));
    return (
      `<line x1="${at}" x2="${at}" y1="${PLOT.top}" y2="${PLOT.bottom}" stroke="#f3f4f6"/>` +
      `<text x="${at}" y="${PLOT.bottom + 18}" text-anchor="middle" fill="#4b5563">${short(tick)}</text>`
    );
  });
  const rows = ticksOf(y).map((tick) => row(y.at(tick), tick, PLOT.left, PLOT.right));
  const box = `<rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.right - PLOT.left}" height="${PLOT.bottom - PLOT.top}" fill="none" stroke="#d1d5db"/>`;
  return [...columns, ...rows, box].join('\n');
}

function row(at: number, tick: number, left: number, right: number): string {
  return (
    `<line x1="${left}" x2="${right}" y1="${n(at)}" y2="${n(at)}" stroke="#f3f4f6"/>` +
    `<text x="${left - 8}" y="${n(at + 4)}" text-anchor="end" fill="#4b5563">${short(tick)}</text>`
  );
}

/** Powers of ten, and twos and fives between where there is room. */
function ticksOf({ low, high }: Axis): number[] {
  const steps = high / low < 300 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(3));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

const vertical = (x: number, text: string) =>
  `<text transform="translate(${x} ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#4b5563">${text}</text>`;

/** Text stays legible over lines and dots. */
const HALO = ' stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"';

const n = (value: number) => value.toFixed(1);
const short = (value: number) => {
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
};
const speed = (gflops: number) => (gflops >= 1e4 ? `${short(gflops / 1e3)} TFLOP/s` : `${short(gflops)} GFLOP/s`);
