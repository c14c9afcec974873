/** A report in parts, which become Markdown and a page alike. */
import { mib } from '../../engine/index.ts';
import { escapeXml } from '../../train/run/plot.ts';
import { type Row, titleOf } from '../row.ts';
import type { Bar } from './bars.ts';
import type { TaskRecord } from './journal.ts';
import type { Measured } from './measured.ts';
import type { SuiteCounts } from './suites.ts';
import { type TimedClass, timedClasses } from './variant-stage.ts';

export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly head?: readonly string[];
  /** columns that are words, beside the first; the others are numbers */
  readonly words?: readonly number[];
  readonly rows?: readonly (readonly string[])[];
}

export interface Report {
  readonly rows: readonly Row[];
  readonly records: Readonly<Record<string, TaskRecord>>;
  readonly bars: readonly Bar[];
}

export function sectionsOf(report: Report): Section[] {
  return partsOf(report).map(withoutEmptyColumns);
}

function partsOf({ rows, records, bars }: Report): Section[] {
  const count = (verdict: Bar['verdict']) => bars.filter((one) => one.verdict === verdict).length;
  const own = rows.filter(({ suite }) => suite !== 'peers');
  const kernels = own.filter(({ suite }) => suite === 'kernels');
  const networks = own.filter(({ suite }) => suite !== 'kernels');
  const beside = new Map(rows.filter(({ suite }) => suite === 'peers').map((row) => [titleOf(row), row]));
  return [
    {
      title: 'Bars',
      text: `${count('met')} met, ${count('missed')} missed, ${count('not measured')} not measured.`,
      head: ['what', 'bar', 'worst', 'verdict', 'more'],
      words: [3, 4],
      rows: bars.map(({ name, limit, worst, verdict, detail }) => [name, limit, worst, verdict, detail]),
    },
    ...failureSections(records),
    {
      title: 'Networks',
      text: 'Wall time from memory to memory, of training steps that follow each other and of some that are each waited for alone, beside the GPU time of PyTorch (eager) where there is one; memory is the peak of all buffers, in PyTorch of the allocated bytes.',
      head: [
        'what',
        'ms',
        'alone, ms',
        'GFLOP/s',
        'peak',
        'first, ms',
        'compiling, ms',
        'host, ms',
        ...BESIDE.map(([name]) => name),
      ],
      rows: networks.map((row) => [
        titleOf(row),
        number(row.us / 1e3),
        number(row.aloneUs === undefined ? undefined : row.aloneUs / 1e3),
        number(row.gflops),
        row.peakBytes === undefined ? '' : mib(row.peakBytes),
        number(row.firstMs),
        number(row.compileWallMs),
        number(row.hostUs === undefined ? undefined : row.hostUs / 1e3),
        ...besideOf(
          row,
          beside,
          ({ us, peakBytes }) => `${number(us / 1e3)} ms${peakBytes ? `, ${mib(peakBytes)}` : ''}`,
        ),
      ]),
    },
    {
      title: 'Kernels',
      text: 'Times by timestamps on the GPU where it has them.',
      head: ['what', 'µs', 'spread', 'GFLOP/s', 'GB/s', 'of roof', 'first, ms', ...BESIDE.map(([name]) => name)],
      rows: kernels.map((row) => [
        titleOf(row),
        number(row.us),
        percent(row.spread),
        number(row.gflops),
        number(row.gbs),
        percent(row.share),
        number(row.firstMs),
        ...besideOf(row, beside, ({ us }) => `${number(us)} µs`),
      ]),
    },
    variantSection(timedClasses(records)),
    {
      title: 'What was done',
      head: ['task', 'seconds', 'ended', 'notes'],
      words: [2, 3],
      rows: Object.entries(records).map(([id, { status, seconds, notes }]) => [
        id,
        seconds.toFixed(1),
        status,
        notes.join('; '),
      ]),
    },
  ];
}

/** What failed of the suites, and what the tests said: none where nothing did. */
function failureSections(records: Report['records']): Section[] {
  const founds = Object.values(records).flatMap(({ found }) => (found as SuiteCounts)?.failures ?? []);
  if (founds.length === 0) return [];
  return [
    {
      title: 'Failures',
      text: 'The first of each task; tests.jsonl has all.',
      head: ['test', 'what it said'],
      words: [1],
      rows: founds.map(({ name, error }) => [
        name,
        error
          .split('\n')
          .map((line) => line.trim())
          .join(' / '),
      ]),
    },
  ];
}

function variantSection(classes: readonly TimedClass[]): Section {
  const names = [...new Set(classes.flatMap(({ shapes }) => shapes.flatMap(({ us }) => Object.keys(us))))];
  return {
    title: 'Variants of matrix kernels',
    text: 'µs, f32 where a class does not say f16. A variant that beats the default in every shape of a class that it computes is named; variants.json has the line to contribute.',
    head: ['class · shape', ...names, 'better than the default'],
    rows: classes.flatMap(({ name, chosen, shapes }) =>
      shapes.map(({ sample, us }) => [
        `${name} · ${sample}`,
        ...names.map((variant) => number(us[variant])),
        chosen ?? '',
      ]),
    ),
  };
}

/** Without the columns at the end that no row has anything in: those of libraries that are not here. */
function withoutEmptyColumns(section: Section): Section {
  const { head = [], rows = [] } = section;
  if (rows.length === 0) return section;
  const empty = head.map((_, i) => rows.every((cells) => cells[i] === ''));
  const kept = <T>(cells: readonly T[]) =>
    cells.filter((_, i) => !(empty[i] && BESIDE.some(([name]) => name === head[i])));
  return { ...section, head: kept(head), rows: rows.map(kept) };
}

/** Columns of PyTorch: a suffix of the pass that its rows have; f16 rows stand beside f16 ones. */
const BESIDE = [
  ['PyTorch', ', PyTorch'],
  ['PyTorch TF32', ', PyTorch TF32'],
  ['PyTorch, CPU', ', PyTorch CPU'],
] as const;

function besideOf(row: Row, others: ReadonlyMap<string, Row>, show: (row: Row) => string): string[] {
  return BESIDE.map(([, suffix]) => {
    const other = others.get(titleOf({ ...row, pass: `${row.pass}${suffix}` }));
    return other ? `${show(other)} (${(row.us / other.us).toFixed(2)}×)` : '';
  });
}

/** What a row of a bench says of its environment. */
export function environmentSection(measured: Measured): Section {
  const { environment } = measured;
  const { driver, vendor, architecture, dawn, node, platform, cpu, commit, date } = environment;
  const facts = {
    ...{ driver, vendor, architecture, dawn, node, platform, cpu, commit, date },
    'copy, GB/s': number(environment.roofGbs),
    'multiply-add f32, GFLOP/s': number(environment.roofGflops),
    'multiply-add f16, GFLOP/s': number(environment.roofHalfGflops) || 'none',
    'subgroup matrices, GFLOP/s': number(environment.roofMatrixGflops) || 'none',
  };
  return { title: 'Environment', head: ['', ''], rows: [...Object.entries(facts), ...factsOf(measured)] };
}

/** And what it does not say. */
export function factsOf({ capabilities, features, limits, memoryBytes, sources, card }: Measured): string[][] {
  const { subgroupWidth, subgroupMatrix } = capabilities;
  const matrices = subgroupMatrix.map(
    ({ componentType, resultComponentType, M, N, K }) => `${componentType} → ${resultComponentType} ${M}×${N}×${K}`,
  );
  const facts = {
    'digest of the sources': sources,
    memory: mib(memoryBytes),
    'subgroup width': subgroupWidth === 0 ? 'not fixed' : String(subgroupWidth),
    'kinds of subgroup matrices': matrices.join(', ') || 'none',
    features: features.join(', '),
    limits: Object.entries(limits)
      .filter(([name]) => /Storage|maxBufferSize|Compute/.test(name))
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    card: card.join(' | ') || 'not told',
  };
  return Object.entries(facts);
}

function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '';
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

const percent = (share: number | undefined) =>
  share === undefined || !Number.isFinite(share) ? '' : `${(100 * share).toFixed(0)} %`;

export function markdownOf(title: string, sections: readonly Section[]): string {
  const parts = sections.map(({ title: name, text, head, rows = [] }) => {
    const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    const table = head ? [line(head), line(head.map(() => '---')), ...rows.map(line)] : [];
    return [`## ${name}`, ...(text ? [text] : []), ...(rows.length > 0 ? [table.join('\n')] : [])].join('\n\n');
  });
  return `# ${title}\n\n${parts.join('\n\n')}\n`;
}

export function htmlOf(sections: readonly Section[]): string {
  return sections.map(sectionHtml).join('\n');
}

function sectionHtml({ title, text, head, words = [], rows = [] }: Section): string {
  const cell = (value: string, i: number) => {
    const kind = [words.includes(i) ? 'words' : '', VERDICTS[value] ?? ''].join(' ').trim();
    return i === 0 ? `<th>${escapeXml(value)}</th>` : `<td${kind ? ` class="${kind}"` : ''}>${escapeXml(value)}</td>`;
  };
  const body = rows.map((cells) => `<tr>${cells.map(cell).join('')}</tr>`).join('\n');
  const heads = head?.some((name) => name !== '')
    ? `<thead><tr>${head.map((name, i) => `<th${i === 0 || words.includes(i) ? ' class="words"' : ''}>${escapeXml(name)}</th>`).join('')}</tr></thead>`
    : '';
  const table =
    rows.length > 0 ? `<div class="wide"><table class="part">${heads}<tbody>${body}</tbody></table></div>` : '';
  return `<h2>${escapeXml(title)}</h2>\n${text ? `<p>${escapeXml(text)}</p>\n` : ''}${table}`;
}

const VERDICTS: Readonly<Record<string, string>> = { met: 'met', missed: 'missed' };
