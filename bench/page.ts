/** Rows as a page with everything in it: the picture, a table to sort, the environment, and how to read them. */
import { escapeXml } from '../train/run/plot.ts';
import { MARKS, pairOf } from './comparison.ts';
import { pictureSvg } from './picture.ts';
import { type Row, titleOf } from './row.ts';

interface Column {
  readonly head: string;
  readonly digits: number;
  readonly of: (row: Row) => number | undefined;
}

const COLUMNS: readonly Column[] = [
  { head: 'µs', digits: 1, of: ({ us }) => us },
  { head: 'p95', digits: 1, of: ({ p95 }) => p95 },
  { head: 'min', digits: 1, of: ({ min }) => min },
  { head: 'spread %', digits: 0, of: ({ spread }) => 100 * spread },
  { head: 'runs', digits: 0, of: ({ runs }) => runs },
  { head: 'GFLOP/s', digits: 2, of: ({ gflops }) => gflops },
  { head: 'GB/s', digits: 2, of: ({ gbs }) => gbs },
  { head: '% of roof', digits: 0, of: ({ share }) => (share === undefined ? undefined : 100 * share) },
  { head: 'host µs', digits: 0, of: ({ hostUs }) => hostUs },
  { head: 'first ms', digits: 0, of: ({ firstMs }) => firstMs },
];

/** A page about more than rows. */
export interface PageParts {
  readonly title: string;
  /** HTML above the picture, and between it and the rows */
  readonly above: string;
  readonly below: string;
  /** names and values beside those that are in every row */
  readonly facts: readonly (readonly string[])[];
}

const BENCH: PageParts = { title: 'miaobi bench', above: '', below: '', facts: [] };

/** @param before  rows of another run, to show the speed beside */
export function pageHtml(
  rows: readonly Row[],
  before?: ReadonlyMap<string, Row>,
  { title, above, below, facts: more }: PageParts = BENCH,
): string {
  const titles = [
    'op · sample · pass · type',
    ...COLUMNS.map(({ head }) => head),
    ...(before ? ['speed', 'mark'] : []),
  ];
  const environment = rows[0] ? facts(rows[0], more) : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
<p>${rows.length} rows${rows[0] ? ` on ${escapeXml(rows[0].driver)}, ${escapeXml(rows[0].date.slice(0, 10))}` : ''}</p>
${above}
<figure>${pictureSvg(rows)}</figure>
<h2>How to read it</h2>
<p>A dot is a row: full for a forward pass, hollow for a backward pass; its name shows under the pointer. The
lines are what the adapter was measured to allow: the sloping one is memory at the speed of a copy, the level ones are
arithmetic in registers. A dot on the
slope is as fast as its reads and writes allow, one on the level line as fast as its arithmetic allows; the distance below is
what there is to win. Sums are in f32, so its peak bounds all rows. A dot above the slope has its data in a cache, which the
copy that the line was measured with leaves. Rows that only move data have no arithmetic to plot: they stand on the left.</p>
<p>µs is the median of the runs, p95 what one in twenty exceeds, spread the distance of the quartiles as a share of the
median; first ms holds compilation.${before ? ' Speed is against the other run; + and - mark what differs beyond the scatter of the runs (rank test, p &lt; 0.01, and 2 % at least), ? too few runs to tell.' : ''}</p>
${below}
<h2>Rows</h2>
<p><input id="filter" type="search" placeholder="only rows with …" aria-label="filter"></p>
<table id="rows"><thead><tr>${titles.map((head) => `<th><button>${head}</button></th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => rowHtml(row, before?.get(titleOf(row)), before !== undefined)).join('\n')}
</tbody></table>
<h2>Environment</h2>
<table class="facts">${environment}</table>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function rowHtml(row: Row, old: Row | undefined, compared: boolean): string {
  const cells = COLUMNS.map(({ of, digits }) => cell(of(row), digits));
  if (compared) {
    const pair = old && pairOf(row, old);
    cells.push(cell(pair?.speed, 2), `<td>${pair ? MARKS[pair.verdict] : ''}</td>`);
  }
  return `<tr><th>${escapeXml(titleOf(row))}</th>${cells.join('')}</tr>`;
}

function cell(value: number | undefined, digits: number): string {
  if (value === undefined || !Number.isFinite(value)) return '<td></td>';
  return `<td data-value="${Number(value.toPrecision(6))}">${value.toFixed(digits)}</td>`;
}

function facts(row: Row, more: PageParts['facts']): string {
  const { driver, vendor, architecture, dawn, node, platform, cpu, load, commit, date } = row;
  const roofs = {
    'copy, GB/s': row.roofGbs,
    'multiply-add in f32, GFLOP/s': row.roofGflops,
    'multiply-add in f16, GFLOP/s': row.roofHalfGflops,
    'subgroup matrices, GFLOP/s': row.roofMatrixGflops,
  };
  const known = Object.entries(roofs).map(([name, value]) => [name, value === undefined ? 'none' : value.toFixed(1)]);
  const all = { driver, vendor, architecture, dawn, node, platform, cpu, 'load at the start': load, commit, date };
  return [...Object.entries(all), ...known, ...more]
    .map(([name, value]) => `<tr><th>${escapeXml(String(name))}</th><td>${escapeXml(String(value))}</td></tr>`)
    .join('\n');
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1280px; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; border-radius: 6px; }
table { font-size: 13px; border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: 2px 8px; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
tbody th, .facts th { text-align: left; font-weight: normal; }
.facts td { text-align: left; white-space: normal; }
thead th { position: sticky; top: 0; background: Canvas; }
thead th:first-child { text-align: left; }
thead button { all: unset; cursor: pointer; font-weight: 600; }
thead button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.wide { overflow-x: auto; } .words { text-align: left; } .part .words:last-child { white-space: normal; }
.met { color: #15803d; font-weight: 600; } .missed { color: #b91c1c; font-weight: 600; }
#rows { display: block; overflow-x: auto; max-height: 80vh; }
input { font: inherit; padding: 4px 8px; width: 22rem; max-width: 100%; }
`;

const SCRIPT = `
const body = document.querySelector('#rows tbody');
const heads = [...document.querySelectorAll('#rows thead th')];
const valueOf = (row, i) => row.children[i].dataset.value === undefined ? row.children[i].textContent : Number(row.children[i].dataset.value);
heads.forEach((head, i) => head.querySelector('button').addEventListener('click', () => {
  const up = head.getAttribute('aria-sort') !== 'ascending';
  for (const other of heads) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const rows = [...body.children].sort((a, b) => {
    const [x, y] = [valueOf(a, i), valueOf(b, i)];
    if (x === '' || y === '') return (x === '') - (y === '');
    return (up ? 1 : -1) * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)));
  });
  body.append(...rows);
}));
document.querySelector('#filter').addEventListener('input', ({ target }) => {
  for (const row of body.children) row.hidden = !row.children[0].textContent.includes(target.value);
});
`;
