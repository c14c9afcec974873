import { type Curve, finalValue, formatNumber, isExact } from './curves.ts';
import type { RunDescription } from './describe-run.ts';
import { summarise } from './evaluations.ts';
import { escapeXml } from './plot.ts';

/** A sample sheet as a data URL. */
export interface EmbeddedSheet {
  readonly step: number;
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

export interface ReportParts {
  readonly run: RunDescription;
  readonly curves: readonly Curve[];
  readonly sheets: readonly EmbeddedSheet[];
  readonly uplot: { readonly script: string; readonly style: string };
}

/** The page, with everything in it. */
export function reportHtml({ run, curves, sheets, uplot }: ReportParts): string {
  const { name, model, status, step, totalSteps } = run;
  const of = totalSteps === undefined ? '' : ` of ${totalSteps.toLocaleString('en')}`;
  const safe = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(name)} · ${escapeXml(model)}</title>
<style>${uplot.style}</style>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeXml(name)}</h1>
<p>${escapeXml(model)} · <b class="${status}">${status}</b> · step ${step.toLocaleString('en')}${of}</p>
</header>
<main>
<section><h2>Numbers</h2>${numbers(run, curves)}</section>
${evaluation(run)}<section><h2>Curves</h2>
<label class="smooth">smoothing <input id="smooth" type="range" min="0" max="0.98" step="0.02" value="0.6"></label>
<div id="curves"></div></section>
<section><h2>Samples</h2>${samples(sheets)}</section>
<section class="tables"><div><h2>Options</h2>${table(run.config)}</div>
<div><h2>Environment</h2>${table(run.environment)}</div></section>
</main>
<script>${uplot.script}</script>
<script>const CURVES = ${safe(curves.map((curve) => ({ ...curve, exact: isExact(curve) })))};
${SCRIPT}</script>
</body>
</html>
`;
}

function numbers({ latest, best, metrics, checkpoints }: RunDescription, curves: readonly Curve[]): string {
  const rows = curves
    .filter(({ name }) => !name.startsWith('eval/'))
    .map((curve) => {
      const cells = [curve.values[0], finalValue(curve), Math.min(...curve.values)].map(formatNumber);
      return `<tr><th>${escapeXml(curve.name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
    });
  const facts: [string, string][] = [
    ['latest checkpoint', latest ? `step ${latest.step}` : 'none'],
    ['best checkpoint', best ? `step ${best.step}: ${best.metric} ${formatNumber(best.value ?? Number.NaN)}` : 'none'],
    ['kept checkpoints', checkpoints.join(', ') || 'none'],
    ['skipped batches', String(metrics.filter(({ skipped }) => skipped !== undefined).length)],
    ['peak GPU memory', `${((metrics.at(-1)?.mem_bytes ?? 0) / 2 ** 20).toFixed(0)} MiB`],
  ];
  const head = '<tr><th></th><td>first</td><td>end</td><td>least</td></tr>';
  return `<div class="tables"><table class="numbers">${head}${rows.join('')}</table>${table(Object.fromEntries(facts))}</div>`;
}

/** What the evaluations came to; nothing where there were none. */
function evaluation({ evaluations }: RunDescription): string {
  const rows = summarise(evaluations).map(({ name, higherIsBetter, before, best, last }) => {
    const at = ({ value, step }: { value: number; step: number }) =>
      `<td>${formatNumber(value)}</td><td>${step.toLocaleString('en')}</td>`;
    const first = before === undefined ? '' : formatNumber(before);
    const better = higherIsBetter ? 'more' : 'less';
    return `<tr><th>${escapeXml(name)}</th><td>${better}</td><td>${first}</td>${at(best)}${at(last)}</tr>`;
  });
  if (rows.length === 0) return '';
  const head =
    '<tr><th></th><td>better is</td><td>before training</td><td>best</td><td>at step</td><td>last</td><td>at step</td></tr>';
  const about = escapeXml(evaluations.at(-1)?.about ?? '');
  return `<section><h2>Evaluation</h2><p>${about}</p><table class="numbers">${head}${rows.join('')}</table></section>\n`;
}

/** The first sheet beside the last, then those between. */
function samples(sheets: readonly EmbeddedSheet[]): string {
  const [first, ...others] = sheets;
  if (!first) return '<p>None yet.</p>';
  const last = others.pop();
  if (!last) return figure(first);
  return `<div class="pair">${figure(first)}${figure(last)}</div>\n${others.map(figure).join('\n')}`;
}

/** Small sheets are shown larger, pixel by pixel. */
function figure({ step, url, width, height }: EmbeddedSheet): string {
  const scale = Math.max(1, Math.floor(SHOWN_WIDTH / width));
  const size = `width="${scale * width}" height="${scale * height}"${scale > 1 ? ' class="enlarged"' : ''}`;
  return `<figure><figcaption>step ${step.toLocaleString('en')}</figcaption>
<img src="${url}" ${size} alt="samples of step ${step}"></figure>`;
}

function table(values: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown) =>
    typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  const rows = Object.entries(values).map(
    ([key, value]) => `<tr><th>${escapeXml(key)}</th><td>${escapeXml(text(value))}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
}

const SHOWN_WIDTH = 720;

const STYLE = `
:root { color-scheme: light dark; --line: #d7dbe0; --soft: #5b6470; --card: #f7f8fa; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4149; --soft: #a3adb8; --card: #1d2126; } body { background: #14171a; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1240px; padding: 0 20px 60px; }
h1 { margin: 28px 0 0; font-size: 28px; } h2 { margin: 32px 0 10px; font-size: 18px; } header p { margin: 4px 0; color: var(--soft); }
.finished { color: #16803c; } .running { color: #2563eb; } .diverged, .failed { color: #d12c2c; }
table { border-collapse: collapse; font-size: 13px; align-self: flex-start; } th { text-align: left; font-weight: 600; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { white-space: nowrap; } .numbers td { text-align: right; font-variant-numeric: tabular-nums; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 0 40px; align-items: start; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 0 20px; align-items: start; }
#curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 16px; }
.curve { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; }
.u-legend th, .u-legend td { border: 0; padding: 0 4px; } .enlarged { image-rendering: pixelated; }
.curve h3 { margin: 0 0 4px; font-size: 14px; } .u-legend { font-size: 12px; } .smooth { color: var(--soft); font-size: 13px; display: block; margin-bottom: 10px; }
figure { margin: 0 0 24px; } figcaption { color: var(--soft); margin-bottom: 6px; } img { max-width: 100%; height: auto; border-radius: 4px; }
`;

/** Draws each curve, pale as it is and full as its mean; moving the slider draws the means again. */
const SCRIPT = `
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
const ink = dark ? '#c5ccd4' : '#3d4650', line = dark ? '#32383f' : '#e3e6ea';
const colours = ['#3b82f6', '#ef4444', '#10b981', '#f59e0b', '#8b5cf6', '#06b6d4', '#ec4899', '#84cc16'];
function smoothed(values, weight) {
  let mean = 0, share = 1;
  return values.map((v) => { mean = weight * mean + (1 - weight) * v; share *= weight; return mean / (1 - share); });
}
const slider = document.getElementById('smooth');
const data = (curve) => [curve.steps, curve.values, smoothed(curve.values, curve.exact ? 0 : Number(slider.value))];
const brief = (v) => v == null ? '' : String(Number(v.toPrecision(4)));
const plots = CURVES.map((curve, i) => {
  const box = document.createElement('div');
  box.className = 'curve';
  const title = document.createElement('h3');
  title.textContent = curve.name;
  box.append(title);
  document.getElementById('curves').append(box);
  const colour = colours[i % colours.length];
  const least = Math.min(...curve.values), most = Math.max(...curve.values);
  const wide = least > 0 && most / least > 100;
  const side = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const plot = new uPlot({
    width: box.clientWidth - 20, height: 220,
    scales: { x: { time: false }, y: wide ? { distr: 3 } : {} },
    axes: [{ ...side }, { ...side, size: 64, values: (_, ticks) => ticks.map((v) => v == null ? '' : String(Number(v.toPrecision(6)))) }],
    series: [{ label: 'step' },
      { label: 'value', stroke: colour + '55', width: 1, points: { show: curve.values.length < 3 }, value: (_, v) => brief(v) },
      { label: 'mean', stroke: colour, width: 2, points: { show: false }, value: (_, v) => brief(v) }],
  }, data(curve), box);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth - 20, height: 220 })).observe(box);
  return { plot, curve };
});
slider.addEventListener('input', () => { for (const { plot, curve } of plots) plot.setData(data(curve)); });
`;
