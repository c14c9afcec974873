/** What this project has set itself to reach on a GPU, and whether a report's rows show it. */
import { mib } from '../../engine/index.ts';
import type { Environment } from '../environment.ts';
import { type Row, type RowName, titleOf } from '../row.ts';
import { stepSample } from '../step.ts';
import type { TaskRecord } from './journal.ts';
import { flopsOf, type KernelCase, kernelCases } from './kernel-cases.ts';
import { stepsOf, transfersOf } from './network-stage.ts';
import type { SuiteCounts } from './suites.ts';
import { torchName } from './torch-cases.ts';

export type BarVerdict = 'met' | 'missed' | 'not measured';

export interface Bar {
  readonly name: string;
  /** in words: "≥ 60 %" */
  readonly limit: string;
  /** the worst of what was measured; empty where nothing was */
  readonly worst: string;
  readonly verdict: BarVerdict;
  /** which row is the worst, how many pass, or why it is not known */
  readonly detail: string;
}

/** What a report has found. */
export interface Findings {
  readonly rows: readonly Row[];
  readonly records: Readonly<Record<string, TaskRecord>>;
  readonly environment: Pick<Environment, 'roofGbs' | 'roofGflops'>;
  readonly software: boolean;
  readonly f16: boolean;
}

interface Measured {
  readonly title: string;
  /** or why there is none */
  readonly value: number | string;
  /** what it is of */
  readonly of?: string;
}

interface Limit {
  readonly at: 'least' | 'most';
  readonly value: number;
}

const PRECISIONS = ['f32', 'f16'] as const;

export function barsOf(findings: Findings): Bar[] {
  const see = reader(findings);
  const cases = kernelCases(false);
  const products = cases.filter(({ bound }) => bound === 'arithmetic');
  return [
    ...products.filter(({ op }) => op === 'matmul').flatMap((one) => productBars(see, `matmul ${one.sample}`, [one])),
    ...productBars(
      see,
      'conv2d',
      products.filter(({ op }) => op === 'conv2d'),
    ),
    ...memoryBars(see, cases),
    ...stepBars(see),
    ...transferBars(see),
    suiteBar(findings, 'ops', 'every op and its gradient against float64'),
    suiteBar(findings, 'matrix units', 'kernels on matrix units against float64, where there are some'),
    suiteBar(findings, 'golden', 'golden cases'),
  ];
}

type See = ReturnType<typeof reader>;

/** What of two rows is compared. */
interface Compared {
  readonly of: (row: Row) => number | undefined;
  readonly show: (value: number) => string;
  /** theirs in proportion to ours */
  readonly inverse?: boolean;
}

const milliseconds = (us: number) => `${Number((us / 1e3).toPrecision(3))} ms`;
const time: Compared = { of: ({ us }) => us, show: milliseconds };
const speed: Compared = { ...time, inverse: true };
const memory: Compared = { of: ({ peakBytes }) => peakBytes, show: mib };

/** Looks rows up by name; says why one is not there. */
function reader({ rows, records, environment, software, f16 }: Findings) {
  const byTitle = new Map(rows.map((row) => [titleOf(row), row]));
  const why = ({ op, sample, dtype }: RowName, library: boolean): string => {
    if (software) return 'sizes are reduced on a software adapter';
    if (dtype === 'f16' && !f16) return 'the adapter has no f16';
    const ids = Object.keys(records).filter((id) =>
      library ? id.startsWith('PyTorch') : id.includes(`${op} · ${sample} · `) && id.endsWith(dtype),
    );
    return ids.flatMap((id) => records[id].notes.slice(-1)).join('; ') || 'not reached yet';
  };
  const find = (name: RowName, library = false): Row | string => byTitle.get(titleOf(name)) ?? why(name, library);
  return {
    environment,
    /** of a row of ours */
    own: (name: RowName, of: (row: Row) => number | undefined): Measured => {
      const row = find(name);
      return { title: titleOf(name), value: typeof row === 'string' ? row : (of(row) ?? 'not known') };
    },
    /** ours in proportion to the same work in PyTorch, on CUDA */
    beside: (name: RowName, what: Compared): Measured => {
      const own = find(name);
      const precision = name.dtype === 'f16' ? 'f16' : 'f32';
      const other = find(torchName({ name, precision }, true), true);
      const title = titleOf(name);
      if (typeof own === 'string') return { title, value: own };
      if (typeof other === 'string') return { title, value: `PyTorch: ${other}` };
      const [a, b] = [own, other].map(what.of);
      if (a === undefined || b === undefined) return { title, value: 'not known' };
      return { title, value: what.inverse ? b / a : a / b, of: `${what.show(a)} against ${what.show(b)}` };
    },
  };
}

function productBars({ own, beside, environment }: See, name: string, cases: readonly KernelCase[]): Bar[] {
  const passes = [...new Set(cases.flatMap((one) => one.passes))];
  return passes.flatMap((pass) => {
    const title = passes.length > 1 ? `${name}, ${pass}` : name;
    return [
      bar(
        `${title}, f32: share of the multiply-add peak`,
        { at: 'least', value: 0.6 },
        cases.map((one) => {
          const flops = flopsOf(one.works[one.passes.indexOf(pass)]);
          const name = { op: one.op, sample: one.sample, pass, dtype: 'f32' as const };
          return own(name, ({ us }) => flops / us / 1e3 / environment.roofGflops);
        }),
      ),
      bar(
        `${title}, f16: share of the speed of cuBLAS, cuDNN in f16`,
        { at: 'least', value: 0.5 },
        cases.map(({ op, sample }) => beside({ op, sample, pass, dtype: 'f16' }, speed)),
      ),
    ];
  });
}

const MEMORY: Readonly<Record<string, readonly string[]>> = {
  pointwise: ['add', 'tanh'],
  'instance norm': ['instanceNorm'],
  'norm, scale, shift and activation of SPADE': ['spade'],
};

function memoryBars({ own, environment }: See, cases: readonly KernelCase[]): Bar[] {
  return Object.entries(MEMORY).flatMap(([title, ops]) =>
    PRECISIONS.map((dtype) => {
      const names = cases
        .filter(({ op }) => ops.includes(op))
        .flatMap(({ op, sample, passes }) => passes.map((pass) => ({ op, sample, pass, dtype })));
      return bar(
        `${title}, 64M values, ${dtype}: share of the copy's bandwidth`,
        { at: 'least', value: 0.85 },
        names.map((one) => own(one, ({ gbs }) => gbs && gbs / environment.roofGbs)),
      );
    }),
  );
}

function stepBars({ beside }: See): Bar[] {
  return stepsOf(false).flatMap(({ name, size, batch }) => {
    const gaugan = name.startsWith('ngf');
    return PRECISIONS.flatMap((dtype) => {
      const row = { op: gaugan ? 'gaugan' : 'cap-vstnet', sample: stepSample(name, size, batch), pass: 'step', dtype };
      const title = `${gaugan ? 'GauGAN' : 'CAP-VSTNet'} step, ${size}², batch ${batch}, ${dtype}`;
      const ofTime = bar(`${title}: time against PyTorch`, { at: 'most', value: 1 }, [beside(row, time)]);
      if (gaugan) return [ofTime];
      return [ofTime, bar(`${title}: memory against PyTorch`, { at: 'most', value: 0.4 }, [beside(row, memory)])];
    });
  });
}

function transferBars({ beside }: See): Bar[] {
  return transfersOf(false).flatMap(({ sample }) =>
    PRECISIONS.flatMap((dtype) => {
      const row = { op: 'cap-vstnet', sample, pass: 'transfer', dtype };
      const title = `CAP-VSTNet transfer, ${sample.split(', ')[1]}, ${dtype}`;
      return [
        bar(`${title}: time against PyTorch`, { at: 'most', value: 1 }, [beside(row, time)]),
        bar(`${title}: memory against PyTorch`, { at: 'most', value: 0.6 }, [beside(row, memory)]),
      ];
    }),
  );
}

/** A bar that all of these have to pass. */
export function bar(name: string, limit: Limit, all: readonly Measured[]): Bar {
  const shares = limit.at === 'least';
  const show = (value: number) => (shares ? `${(100 * value).toFixed(0)} %` : `${value.toFixed(2)}×`);
  const known = all.filter((one): one is Measured & { value: number } => typeof one.value === 'number');
  const common = { name, limit: `${shares ? '≥' : '≤'} ${show(limit.value)}` };
  if (known.length === 0) {
    return { ...common, worst: '', verdict: 'not measured', detail: String(all[0]?.value ?? 'nothing to measure') };
  }
  const sorted = known.sort((a, b) => (shares ? a.value - b.value : b.value - a.value));
  const passing = known.filter(({ value }) => (shares ? value >= limit.value : value <= limit.value));
  const missing = all.find(({ value }) => typeof value === 'string');
  const ok = passing.length === known.length;
  const unknown = missing ? `; ${all.length - known.length} not measured: ${missing.value}` : '';
  const counted =
    all.length > 1
      ? `${passing.length} of ${known.length} pass, the worst is ${sorted[0].title}`
      : (sorted[0].of ?? '');
  return {
    ...{ ...common, worst: show(sorted[0].value), detail: `${counted}${unknown}` },
    verdict: !ok ? 'missed' : missing ? 'not measured' : 'met',
  };
}

/** Failures that a bar names; a section of their own has what they said. */
const NAMED = 10;

/** @param id  of the task, or the beginning of those of its parts */
function suiteBar({ records }: Findings, id: string, name: string): Bar {
  const own = Object.entries(records).flatMap(([task, record]) => (task.startsWith(id) ? [record] : []));
  const founds = own.flatMap(({ found }) => (found ? [found as SuiteCounts] : []));
  const total = (pick: 'passed' | 'failed' | 'skipped') => founds.reduce((sum, found) => sum + found[pick], 0);
  const [passed, failed, skipped] = [total('passed'), total('failed'), total('skipped')];
  const common = { name, limit: 'all pass', worst: '' };
  if (passed + failed === 0) {
    return { ...common, verdict: 'not measured', detail: own.at(-1)?.notes.at(-1) ?? 'not run' };
  }
  const whole = own.every(({ status }) => status === 'done');
  const parts = [
    ...founds.flatMap(({ failures }) => failures.map(({ name }) => name)).slice(0, NAMED),
    ...(whole ? [] : ['not all were reached']),
    ...(skipped > 0 ? [`${skipped} skipped or not supported yet`] : []),
  ];
  return {
    ...{ ...common, worst: `${passed} pass, ${failed} fail`, detail: parts.join(', ') },
    verdict: failed > 0 ? 'missed' : whole ? 'met' : 'not measured',
  };
}
