/** Curves as a picture: SVG, made a PNG by sharp. */
import sharp from 'sharp';
import { type Curve, formatNumber, smooth, thin } from './curves.ts';

export interface PlotOptions {
  readonly title: string;
  /** weight of the past in the drawn mean, 0 to below 1; the raw curve stays behind it, pale */
  readonly smooth?: number;
  readonly width?: number;
  readonly height?: number;
}

const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f'];
const MARGIN = { left: 72, right: 18, top: 40, bottom: 40 };
const POINTS = 1000;

/** Draws curves over their steps; logarithmic where all values are above zero and span more than a hundredfold. */
export async function plotPng(curves: readonly Curve[], options: PlotOptions): Promise<Buffer> {
  return sharp(Buffer.from(plotSvg(curves, options)))
    .png()
    .toBuffer();
}

export function plotSvg(curves: readonly Curve[], options: PlotOptions): string {
  const { title, smooth: weight = 0, width = 960, height = 420 } = options;
  const thinned = curves.map((curve) => thin(curve, POINTS));
  const drawn = thinned.map((curve) => ({ ...curve, values: smooth(curve.values, weight) }));
  const x = axis(
    thinned.flatMap(({ steps }) => steps),
    [MARGIN.left, width - MARGIN.right],
    false,
  );
  const values = thinned.flatMap(({ values }) => values);
  const y = axis(values, [height - MARGIN.bottom, MARGIN.top], isWide(values));
  const path = ({ steps, values }: Curve) =>
    values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x.at(steps[i]).toFixed(1)} ${y.at(value).toFixed(1)}`).join('');
  const line = (curve: Curve, i: number, opacity: number) =>
    `<path d="${path(curve)}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.6" stroke-opacity="${opacity}"/>`;
  const names = drawn.length > 1 ? legend(drawn, width) : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" font-weight="bold" fill="#111827">${escapeXml(title)}</text>`,
    grid(x, y, width, height),
    ...(weight > 0 ? thinned.map((curve, i) => line(curve, i, 0.25)) : []),
    ...drawn.map((curve, i) => line(curve, i, 1)),
    names,
    '</svg>',
  ].join('\n');
}

interface Axis {
  at(value: number): number;
  readonly ticks: readonly number[];
}

const isWide = (values: readonly number[]) => {
  const [low, high] = extent(values);
  return low > 0 && high / low > 100;
};

function axis(values: readonly number[], [from, to]: readonly [number, number], log: boolean): Axis {
  const scale = log ? Math.log10 : (value: number) => value;
  const [low, high] = extent(values).map(scale);
  const span = high - low || Math.abs(high) || 1;
  const at = (value: number) => from + ((scale(value) - low) / span) * (to - from);
  return { at, ticks: log ? decades(low, high) : roundTicks(low, low + span) };
}

/** Smallest and largest; a loop, for there may be more values than a call takes arguments. */
function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Multiples of 1, 2 or 5 times a power of ten, about five of them. */
function roundTicks(low: number, high: number): number[] {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? raw;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function decades(low: number, high: number): number[] {
  const ticks: number[] = [];
  const every = Math.max(1, Math.ceil((high - low) / 6));
  for (let power = Math.ceil(low); power <= high; power += every) ticks.push(10 ** power);
  return ticks;
}

function grid(x: Axis, y: Axis, width: number, height: number): string {
  const bottom = height - MARGIN.bottom;
  const rows = y.ticks.map((tick) => {
    const at = y.at(tick).toFixed(1);
    return (
      `<line x1="${MARGIN.left}" x2="${width - MARGIN.right}" y1="${at}" y2="${at}" stroke="#e5e7eb"/>` +
      `<text x="${MARGIN.left - 8}" y="${Number(at) + 4}" text-anchor="end" fill="#4b5563">${formatNumber(tick)}</text>`
    );
  });
  const columns = x.ticks.map((tick) => {
    const at = x.at(tick).toFixed(1);
    return (
      `<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${bottom}" stroke="#f3f4f6"/>` +
      `<text x="${at}" y="${bottom + 18}" text-anchor="middle" fill="#4b5563">${formatNumber(tick)}</text>`
    );
  });
  const label = `<text x="${width - MARGIN.right}" y="${height - 6}" text-anchor="end" fill="#6b7280">step</text>`;
  return [...rows, ...columns, label].join('\n');
}

function legend(curves: readonly Curve[], width: number): string {
  const lines = curves.map(({ name }, i) => {
    const y = MARGIN.top + 14 + 18 * i;
    const x = width - MARGIN.right - 10;
    const colour = COLOURS[i % COLOURS.length];
    return `<text x="${x}" y="${y}" text-anchor="end" fill="${colour}">${escapeXml(name)}</text>`;
  });
  return lines.join('\n');
}

/** Text for XML and HTML. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
