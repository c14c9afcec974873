import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Environment } from '../../bench/environment.ts';
import { picture } from '../../bench/infer.ts';
import { measure } from '../../bench/measure.ts';
import { askTorch, probeTorch, type TorchCase } from '../../bench/peers/torch.ts';
import { type Bar, bar, barsOf, type Findings } from '../../bench/report/bars.ts';
import { type Journal, openJournal, type TaskRecord } from '../../bench/report/journal.ts';
import { flopsOf, kernelCases, namesOf, piecesOf, trafficCases, variantsOf } from '../../bench/report/kernel-cases.ts';
import { folderName } from '../../bench/report/measured.ts';
import { groupsOf, weighedOps } from '../../bench/report/op-groups.ts';
import { tasksNamed } from '../../bench/report/report.ts';
import { runStages } from '../../bench/report/run-stages.ts';
import { htmlOf, markdownOf, sectionsOf } from '../../bench/report/sections.ts';
import type { Found, Stage, Task } from '../../bench/report/stage.ts';
import { countsOf, opsTask, readGoldenLine } from '../../bench/report/suites.ts';
import { kernelTasks, networkTasks, torchName } from '../../bench/report/torch-cases.ts';
import { timedClasses, variantStage, variantsLine } from '../../bench/report/variant-stage.ts';
import { type Row, type RowName, titleOf } from '../../bench/row.ts';
import { tuneShapes } from '../../bench/tune-shapes.ts';
import { Device } from '../../engine/device/device.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { LimitError } from '../../engine/index.ts';
import { shapeClass } from '../../kernels/lib/variant.ts';
import { formatCase } from '../conformance/report.ts';
import type { EntryReport } from '../conformance/run-case.ts';
import { subjects } from '../support/subjects.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'miaobi-report-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const row = (name: RowName, more: Partial<Row> = {}): Row => ({ ...name, us: 100, suite: 'kernels', ...more }) as Row;

describe('running stages', () => {
  let seconds: number;
  let log: string[];
  let releases: number;
  /** what was done whenever a stage ended */
  let ended: string[];
  const onStage = async () => void ended.push(log.join(' '));

  /** A task that takes so many seconds of a clock that nothing else moves. */
  const task = (id: string, takes: number, run?: () => Found | undefined): Task => ({
    id,
    estimate: takes,
    run: async ({ onRow, note }) => {
      log.push(id);
      seconds += takes;
      onRow(row({ op: id, sample: '', pass: 'forward', dtype: 'f32' }));
      note(`${id} was here`);
      return run?.();
    },
  });
  const stage = (name: string, share: number, ...tasks: Task[]): Stage => ({ name, share, tasks });
  const run = (journal: Journal, stages: readonly Stage[], budget: number) =>
    runStages(stages, {
      ...{ journal, deadline: (seconds + budget) * 1e3, now: () => seconds * 1e3, say: () => {}, onStage },
      context: {
        device: () => Promise.reject(new Error('none')),
        measured: () => Promise.reject() as never,
        release: () => releases++,
      },
    });

  beforeEach(() => {
    seconds = 0;
    log = [];
    releases = 0;
    ended = [];
  });

  it('gives each its share, hands on what is not used, and says what was left out', async () => {
    const journal = openJournal(folder);
    // 5 s of 10, of which 1 is used; then 3 of the 9 s left; then all of the 7
    const stages = [
      stage('a', 5, task('a', 1)),
      stage('b', 1, task('b1', 2), task('b2', 2)),
      stage('c', 2, task('c', 7)),
    ];
    await run(journal, stages, 10);
    expect(log).toEqual(['a', 'b1', 'c']);
    expect(ended).toEqual(['a', 'a b1', 'a b1 c']);
    expect(journal.record('b2')).toEqual({
      ...{ status: 'left out', seconds: 0 },
      notes: ['left out: it needs about 2 s, and 1 s were left'],
    });
    expect(journal.record('c')).toMatchObject({ status: 'done', seconds: 7, notes: ['c was here'] });
  });

  it('does not repeat what is finished, and takes up what was left out, in another process', async () => {
    const stages = [stage('a', 1, task('a', 1), task('b', 3)), stage('c', 1, task('c', 1))];
    await run(openJournal(folder), stages, 4);
    expect(log).toEqual(['a', 'c']);
    const later = openJournal(folder);
    await run(later, stages, 3);
    expect(log).toEqual(['a', 'c', 'b']);
    expect(later.rows().map(({ op }) => op)).toEqual(['a', 'c', 'b']);
    await run(openJournal(folder), stages, 100);
    expect(log).toHaveLength(3);
  });

  it('takes only tasks whose names have one of the texts', () => {
    const stages = [stage('a', 1, task('ops: add', 1), task('ops: mul', 1)), stage('b', 1, task('kernels: add', 1))];
    const named = (...filter: string[]) => tasksNamed(stages, filter).map(({ tasks }) => tasks.map(({ id }) => id));
    expect(named('')).toEqual([['ops: add', 'ops: mul'], ['kernels: add']]);
    expect(named('mul', 'kernels')).toEqual([['ops: mul'], ['kernels: add']]);
    expect(() => named('div')).toThrow(/Each stage has such: ops: add; kernels: add/);
  });

  it('goes on behind a failure with another device, and tries what may have been chance again', async () => {
    const failing = (id: string, error: Error) =>
      task(id, 1, () => {
        throw error;
      });
    const stages = [
      stage(
        'a',
        1,
        failing('odd', new Error('driver fell over\nand more')),
        failing('never', new LimitError('too large')),
      ),
      stage('b', 1, task('b', 1)),
    ];
    const journal = openJournal(folder);
    await run(journal, stages, 10);
    expect(journal.record('odd')).toMatchObject({
      status: 'failed',
      notes: ['odd was here', 'failed: driver fell over'],
    });
    expect(journal.record('never')).toMatchObject({ status: 'done', notes: ['never was here', 'left out: too large'] });
    expect(releases).toBe(2);
    await run(journal, stages, 10);
    expect(log).toEqual(['odd', 'never', 'b', 'odd']);
  });

  it('leaves out a task in which the process died twice', async () => {
    const stages = [stage('a', 1, task('deadly', 1), task('b', 1))];
    for (let death = 0; death < 2; death++) expect(openJournal(folder).begin('deadly')).toBe(death);
    const journal = openJournal(folder);
    await run(journal, stages, 10);
    expect(log).toEqual(['b']);
    expect(journal.record('deadly')).toMatchObject({ notes: ['left out: the process ended in it 2 times'] });
  });

  it('uses what time is left in the end for what was left out', async () => {
    // half of 8 s does not do for a and b, but what c does not need does
    const stages = [stage('a', 1, task('a', 3), task('b', 2)), stage('c', 1, task('c', 1))];
    await run(openJournal(folder), stages, 8);
    expect(log).toEqual(['a', 'c', 'b']);
  });

  it('counts a suite that was cut as not finished, and keeps what it found', async () => {
    const journal = openJournal(folder);
    const stages = [
      stage(
        'a',
        1,
        task('suite', 2, () => ({ cut: log.length < 2 })),
      ),
    ];
    await run(journal, stages, 3);
    expect(journal.record('suite')).toMatchObject({ status: 'left out', found: { cut: true } });
    await run(journal, stages, 1);
    expect(journal.record('suite')).toMatchObject({ status: 'left out', found: { cut: true } });
    await run(journal, stages, 10);
    expect(journal.record('suite')).toMatchObject({ status: 'done', found: { cut: false } });
  });

  it('runs as many tasks of a stage at once as it may, and all before the next', async () => {
    let running = 0;
    const most: number[] = [];
    const waiting = (id: string): Task => ({
      ...{ id, estimate: 1 },
      run: async () => {
        running++;
        await new Promise((done) => setTimeout(done, 5));
        most.push(running);
        running--;
        log.push(id);
        return undefined;
      },
    });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const journal = openJournal(folder);
    await run(journal, [{ ...stage('x', 1, ...names.map(waiting)), atOnce: 3 }, stage('y', 1, waiting('last'))], 10);
    expect(Math.max(...most)).toBe(3);
    expect([...log].sort()).toEqual([...names, 'last']);
    expect(log.at(-1)).toBe('last');
    expect(names.map((id) => journal.record(id)?.status)).toEqual(names.map(() => 'done'));
  });

  it('has a folder for each adapter and state of the sources', () => {
    const adapter = 'NVIDIA H100 80GB (HBM3)';
    expect(folderName({ adapter, commit: 'bcf2de8' }, '01234567')).toBe('nvidia-h100-80gb-hbm3-bcf2de8');
    expect(folderName({ adapter, commit: 'bcf2de8+' }, '01234567')).toBe('nvidia-h100-80gb-hbm3-bcf2de8-01234567');
  });
});

describe('suites', () => {
  const runSuites = (journal: Journal, tasks: readonly Task[]) =>
    runStages([{ name: 'suites', share: 1, tasks }], {
      ...{ journal, deadline: Date.now() + 100e3, now: Date.now, say: () => {}, onStage: async () => {} },
      context: { device: () => Promise.reject(), measured: () => undefined as never, release: () => {} },
    });

  it('count the last line of a test, and show the first of what failed with what it said', () => {
    const passed = (name: string) => ({ name, state: 'passed' });
    const error = 'y: worst relative error: expected 1 to be less than 0.1\n  2\n  3\n  4\n  5';
    const lines = [passed('add > a'), { name: 'mul > a', state: 'failed', error }, passed('mul > b')];
    const again = [passed('add > a'), { name: 'mul > c', state: 'skipped' }];
    expect(countsOf([...lines, ...again], false)).toEqual({
      ...{ passed: 2, failed: 1, skipped: 1, cut: false },
      failures: [{ name: 'mul > a', error: error.split('\n').slice(0, 4).join('\n') }],
    });
  });

  it('read what the runner of golden cases prints, failures with the lines below them', () => {
    const report = { kind: 'gaugan.spade', name: 'small', worst: 3.5, worstEntry: 'y', ms: 1 };
    const entry = { entry: 'y', of: 'y', pass: false, ratio: 3.5, reason: 'element 7 is 0.5, not 0.4' };
    const text = formatCase({ ...report, status: 'FAIL', entries: [entry as EntryReport] });
    expect(text.split('\n').map(readGoldenLine)).toEqual([
      { begins: { name: 'gaugan.spade/small', state: 'failed', error: '3.50 (y)' } },
      { more: 'y: 3.50, element 7 is 0.5, not 0.4' },
    ]);
    const pass = formatCase({ ...report, status: 'pass', entries: [] });
    expect(readGoldenLine(pass)).toEqual({
      begins: { name: 'gaugan.spade/small', state: 'passed', worst: '3.50 (y)' },
    });
    expect(readGoldenLine('12 passed, 0 failed, 3 unsupported of 15 cases')).toBeUndefined();
  });

  it('share the ops out in groups of about the same weight, each op once, neighbours together', () => {
    const ops = weighedOps();
    expect(ops.map(({ name }) => name)).toEqual(subjects().map(({ name }) => name));
    const groups = groupsOf(ops, 16);
    expect(groups.length).toBeLessThanOrEqual(16);
    const order = ops.map(({ name }) => name);
    expect(groups.flat().sort()).toEqual([...order].sort());
    for (const group of groups) {
      const first = order.indexOf(group[0]);
      expect(group).toEqual(order.slice(first, first + group.length));
    }
    const weights = groups.map((group) =>
      ops.reduce((sum, { name, weight }) => sum + (group.includes(name) ? weight : 0), 0),
    );
    expect(weights).toEqual([...weights].sort((a, b) => b - a));
    const heaviest = Math.max(...ops.map(({ weight }) => weight));
    const mean = weights.reduce((a, b) => a + b) / 16;
    expect(weights[0]).toBeLessThan(mean + heaviest);
  });

  it('test the ops that a task names alone, and keep a line of each test', async () => {
    const journal = openJournal(folder);
    await runSuites(journal, [opsTask({}, ['sign'])]);
    expect(journal.record('ops: sign')).toMatchObject({ status: 'done', found: { failed: 0, cut: false } });
    const lines = (await readFile(journal.file('tests.jsonl'), 'utf8')).trim().split('\n');
    const names = lines.map((line) => JSON.parse(line).name as string);
    expect(names.length).toBe(journal.record('ops: sign')?.found?.passed);
    expect(names.every((name) => name.startsWith('sign > '))).toBe(true);
  });

  it('that end before a test are not finished, and say what they said', async () => {
    const journal = openJournal(folder);
    await runSuites(journal, [opsTask({}, ['no-op'])]);
    const record = journal.record('ops: no-op');
    expect(record?.status).toBe('failed');
    expect(record?.notes.at(-1)).toMatch(/the suite broke: .*MIAOBI_OPS: expected names of ops/);
  });
});

describe('bars', () => {
  it('are met when all rows pass, missed when one does not, and not measured otherwise', () => {
    const least = (...values: (number | string)[]) =>
      bar(
        'x',
        { at: 'least', value: 0.6 },
        values.map((value, i) => ({ title: `row ${i}`, value })),
      );
    expect(least(0.7, 0.6)).toMatchObject({ limit: '≥ 60 %', worst: '60 %', verdict: 'met' });
    expect(least(0.7, 0.5)).toMatchObject({
      worst: '50 %',
      verdict: 'missed',
      detail: '1 of 2 pass, the worst is row 1',
    });
    expect(least(0.7, 'no time')).toMatchObject({ verdict: 'not measured' });
    expect(least(0.5, 'no time').verdict).toBe('missed');
    expect(least('no time')).toMatchObject({ worst: '', verdict: 'not measured', detail: 'no time' });
    const most = bar('x', { at: 'most', value: 1 }, [{ title: 'row', value: 1.2 }]);
    expect(most).toMatchObject({ limit: '≤ 1.00×', worst: '1.20×', verdict: 'missed' });
  });

  const environment = { roofGbs: 1000, roofGflops: 10_000 };
  const findings = (rows: readonly Row[], more: Partial<Findings> = {}): Findings => ({
    ...{ rows, records: {}, environment, software: false, f16: true, ...more },
  });
  const find = (given: Findings, name: RegExp) => barsOf(given).find((one) => name.test(one.name)) as Bar;

  it('see every kernel that a report times, against the peak, the copy and PyTorch', () => {
    // products at 7,000 GFLOP/s by the definition, whatever a kernel's own count says
    const microseconds = (flops = 0) => (flops > 0 ? flops / 7e6 : 100);
    const rows = [
      ...kernelCases(false).flatMap((one) =>
        (['f32', 'f16'] as const).flatMap((dtype) =>
          namesOf(one, dtype).map((name, i) =>
            row(name, { us: microseconds(one.works[i] && flopsOf(one.works[i])), gflops: 1, gbs: 900 }),
          ),
        ),
      ),
      ...kernelTasks(false, ['f16']).map((task) => row(torchName(task, true), { us: 0.55 * microseconds(task.flops) })),
    ];
    const found = barsOf(findings(rows)).filter(({ name }) => /share/.test(name));
    expect(found.map(({ verdict }) => verdict)).toEqual(found.map(() => 'met'));
    expect(find(findings(rows), /matmul 4096³, f32/)?.worst).toBe('70 %');
    expect(find(findings(rows), /conv2d, weight gradient, f16/)?.worst).toBe('55 %');
    const slow = row(
      { op: 'spade', sample: 'batch, 1024 planes of 256²', pass: 'backward', dtype: 'f32' },
      { gbs: 500 },
    );
    expect(find(findings([...rows, slow]), /SPADE.*f32/)).toMatchObject({ worst: '50 %', verdict: 'missed' });
  });

  it('set steps and transfers beside the same work in PyTorch, time and memory', () => {
    const [step] = networkTasks(false, ['f32']).filter(({ name }) => name.op === 'cap-vstnet' && name.pass === 'step');
    const own = row({ ...step.name, dtype: 'f32' }, { us: 80, peakBytes: 50 });
    const torch = row(torchName(step, true), { us: 100, peakBytes: 100 });
    expect(find(findings([own, torch]), /CAP-VSTNet step.*f32: time/)).toMatchObject({
      worst: '0.80×',
      verdict: 'met',
      detail: '0.08 ms against 0.1 ms',
    });
    expect(find(findings([own, torch]), /CAP-VSTNet step.*f32: memory/)).toMatchObject({ verdict: 'missed' });
    const onCpu = row(torchName(step, false), { us: 100 });
    expect(find(findings([own, onCpu]), /CAP-VSTNet step.*f32: time/)?.verdict).toBe('not measured');
  });

  it('say why something is not measured', () => {
    const record: TaskRecord = { status: 'failed', seconds: 1, notes: ['failed: lost'] };
    const records = { 'kernels: matmul · 4096³ · f32': record };
    expect(find(findings([], { records }), /matmul.*f32/)?.detail).toBe('failed: lost');
    expect(find(findings([], { f16: false }), /matmul.*f16/)?.detail).toBe('the adapter has no f16');
    expect(find(findings([], { software: true }), /GauGAN.*batch 8, f32/)?.detail).toMatch(/software adapter/);
  });

  it('of suites want every test, to the end', () => {
    const verdictOf = (...parts: [status: TaskRecord['status'], passed: number, failed: number][]) => {
      const records = parts.map(([status, passed, failed], i) => {
        const found = { passed, failed, skipped: 1, failures: [] };
        return [`golden: ${i}`, { status, seconds: 1, notes: ['no time'], found: passed > 0 ? found : undefined }];
      });
      return find(findings([], { records: Object.fromEntries(records) }), /golden/);
    };
    expect(verdictOf(['done', 9, 0], ['done', 8, 0])).toMatchObject({ verdict: 'met', worst: '17 pass, 0 fail' });
    expect(verdictOf(['done', 9, 0], ['left out', 0, 0]).verdict).toBe('not measured');
    expect(verdictOf(['done', 9, 1], ['left out', 8, 0]).verdict).toBe('missed');
    expect(verdictOf(['left out', 0, 0])).toMatchObject({ verdict: 'not measured', detail: 'no time' });
    expect(verdictOf()).toMatchObject({ verdict: 'not measured', detail: 'not run' });
  });

  it('become a table and a page', () => {
    const bars = [bar('a | b', { at: 'least', value: 0.5 }, [{ title: '<row>', value: 1 }])];
    const own = row({ op: 'matmul', sample: '8³', pass: 'forward', dtype: 'f32' }, { gflops: 12.345 });
    const [task] = [{ name: own, precision: 'tf32' as const }];
    const torch = row(torchName(task, true), { us: 50, suite: 'peers' });
    const failures = [{ name: 'add > a', error: 'first line\n  second | line' }];
    const records = { ops: { status: 'done' as const, seconds: 1, notes: [], found: { failures } } };
    const sections = sectionsOf({ rows: [own, torch], records, bars });
    const text = markdownOf('title', sections);
    expect(text).toContain('1 met, 0 missed, 0 not measured.');
    expect(text).toContain('| a \\| b | ≥ 50 % | 100 % | met |  |');
    expect(text).toMatch(/matmul · 8³ · forward · f32 \| 100 \|.*12.3.*\| 50 µs \(2.00×\) \|/);
    expect(text).toContain('| add > a | first line / second \\| line |');
    expect(text).toContain('PyTorch TF32');
    expect(text).not.toContain('PyTorch, CPU');
    const html = htmlOf(sections);
    expect(html).toContain('<td class="words met">met</td>');
    expect(html).not.toContain('<row>');
  });
});

describe('variants of matrix kernels', () => {
  const timed = (name: string, chosen?: string) => ({
    timed: {
      ...{ device: 'acme, subgroups of 32', name, chosen },
      shapes: [{ sample: '64×64 · 64×64', us: { 'tiled:32x32': 20, direct: 123.4 } }],
    },
  });
  const record = (found: Found): TaskRecord => ({ status: 'done', seconds: 1, notes: [], found });
  const records = {
    'variants: matmul, wide': record(timed('matmul, wide', 'tiled:32x32')),
    'variants: conv2d, wide': record(timed('conv2d, wide')),
    other: record({ cut: false }),
  };

  it('are a task for each class, those with the most work first', () => {
    const ids = variantStage(false, tuneShapes).tasks.map(({ id }) => id);
    const classes = new Set(tuneShapes.map(({ work }) => `variants: ${shapeClass(work)}`));
    expect([...ids].sort()).toEqual([...classes].sort());
    expect(ids[0]).toMatch(/wide, many tiles$/);
    expect(ids.at(-1)).toMatch(/up to 4 columns$/);
  });

  it('become a table, and a line to contribute', () => {
    const text = markdownOf('title', sectionsOf({ rows: [], records, bars: [] }));
    expect(text).toContain('| class · shape | tiled:32x32 | direct | better than the default |');
    expect(text).toContain('| matmul, wide · 64×64 · 64×64 | 20 | 123 | tiled:32x32 |');
    expect(text).toContain('| conv2d, wide · 64×64 · 64×64 | 20 | 123 |  |');
    const environment = { driver: 'a', dawn: 'b', date: 'c', commit: 'd' } as Environment;
    expect(variantsLine(timedClasses(records), environment)).toEqual({
      'acme, subgroups of 32': {
        ...{ adapter: 'a', dawn: 'b', date: 'c', commit: 'd' },
        variants: { 'matmul, wide': 'tiled:32x32' },
      },
    });
    expect(variantsLine([], environment)).toBeUndefined();
  });
});

describe('what is timed', () => {
  it('are the published networks, by the counts that they are checked by in PyTorch', () => {
    const counts = networkTasks(false, ['f32']).map(({ name, parameters }) => [name.op, name.pass, parameters]);
    const [gaugan, cap] = [{ generator: 97_480_899, discriminator: 5_904_514 }, { network: 4_089_936 }];
    expect(counts).toContainEqual(['gaugan', 'step', gaugan]);
    expect(counts).toContainEqual(['gaugan', 'generate', { generator: gaugan.generator }]);
    expect(counts).toContainEqual(['cap-vstnet', 'transfer', cap]);
  });

  it('is told apart by title, ours and PyTorch alike', () => {
    const own = kernelCases(false).flatMap((one) => namesOf(one, 'f32'));
    const other = [...kernelTasks(false, ['f32', 'tf32', 'f16']), ...networkTasks(false, ['f32', 'tf32', 'f16'])];
    const titles = [...own, ...other.map((task) => torchName(task, true))].map(titleOf);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('on a large picture, is a landscape over and over', () => {
    const small = picture({ width: 16, height: 16 }, 'noon');
    const large = picture({ width: 40, height: 20 }, 'noon', 16);
    expect(large.planar.length).toBe(3 * 40 * 20);
    large.planar.forEach((value, i) => {
      const [c, y, x] = [Math.floor(i / 800), Math.floor(i / 40) % 20, i % 40];
      if (value !== small.planar[(c * 16 + (y % 16)) * 16 + (x % 16)]) expect.fail(`plane ${c} at ${x}, ${y}`);
    });
  });

  it('is cut into pieces that a binding holds, and no plane is lost', () => {
    const plane = 256 ** 2;
    const pieces = piecesOf(1024, { width: 2, batch: 8 }, 300 * plane);
    expect(pieces.reduce((sum, [n, c]) => sum + n * c, 0)).toBe(1024);
    for (const [n, c, h, w] of pieces) expect(2 * n * c * h * w).toBeLessThanOrEqual(300 * plane);
    expect(piecesOf(64, { width: 1, batch: 1 }, 1e9)).toEqual([[1, 64, 256, 256]]);
  });
});

describe('on a device', () => {
  let device: Device;
  beforeAll(async () => {
    device = await acquireDevice();
  });
  afterAll(() => device.destroy());

  it('times many runs in one submit where that is no software driver', async () => {
    const { gpu, info, capabilities } = device;
    const twin = new Device(gpu, { info, capabilities: { ...capabilities, software: false } });
    const [one] = trafficCases(2 ** 16).filter(({ op }) => op === 'add');
    const variants = variantsOf(twin, one, 'f32');
    const [alone] = await measure(device, variantsOf(device, one, 'f32'), { seconds: 0 });
    const before = twin.recorder.submits;
    const found = await measure(twin, variants, { seconds: 0 });
    // two for the first runs, two of batches, two for the sums of bits
    expect(twin.recorder.submits - before).toBeLessThan(20);
    for (const { seconds, dispatches, cost } of found) {
      expect(seconds.runs).toBe(30);
      expect(seconds.min).toBeGreaterThan(0);
      expect(dispatches).toBeGreaterThan(0);
      expect(cost.bytes).toBeGreaterThan(2 ** 16);
    }
    expect(found[0].checksum).toBe(alone.checksum);
    expect(found[0].cost).toEqual(alone.cost);
    for (const variant of variants) variant.release();
  });

  it('a pass in pieces does the work of one in one piece', async () => {
    for (const op of ['add', 'instanceNorm']) {
      const bytes: number[][] = [];
      for (const bindingBytes of [undefined, 4 * 3 * 256 ** 2]) {
        const [one] = trafficCases(8 * 256 ** 2, bindingBytes).filter((found) => found.op === op);
        const variants = variantsOf(device, one, 'f32');
        const found = await measure(device, variants, { seconds: 0 });
        expect(found.map(({ variant }) => variant.pass)).toEqual(one.passes);
        bytes.push(found.map(({ cost }) => cost.bytes));
        for (const variant of variants) variant.release();
      }
      // but for sums of a plane that few planes share among workgroups
      for (const [i, inPieces] of bytes[1].entries()) expect(inPieces / bytes[0][i]).toBeCloseTo(1, 3);
    }
  });
});

describe('PyTorch', () => {
  const probe = probeTorch();

  it.skipIf(!probe)('has the networks as they are here, says so as it goes, and goes on behind an error', async () => {
    const tasks = networkTasks(true, ['f32']).filter(({ name }) => name.pass !== 'step');
    // a picture of 8² leaves nothing of the grid
    const cases = [...tasks.map(({ task }) => task), { ...tasks[1].task, size: 8 }];
    const task = { seconds: 0, device: 'cpu', cases };
    const found: (TorchCase & { parameters?: object })[] = [];
    const script = path.resolve(import.meta.dirname, '../../bench/report/time_networks.py');
    const ended = await askTorch(probe?.python ?? '', script, task, { seconds: 60 }, (_, one) => found.push(one));
    expect(ended).toBe(true);
    tasks.forEach(({ parameters = {} }, i) => {
      const [name] = Object.keys(found[i].parameters ?? {});
      expect(found[i].parameters).toEqual({ [name]: parameters[name] });
    });
    expect(found.at(-1)?.error).toBeDefined();
  });
});

describe('npm run gpu-report', () => {
  it('says how it is called', async () => {
    const { spawnSync } = await import('node:child_process');
    const entry = path.resolve(import.meta.dirname, '../../bench/report/main.ts');
    const call = (...args: string[]) =>
      spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), entry, ...args], { encoding: 'utf8' });
    const none = call();
    expect(none.status).toBe(2);
    expect(none.stderr).toContain('--out: expected a folder');
    const golden = call('--out', folder, '--golden', path.join(folder, 'absent'));
    expect(golden.status).toBe(2);
    expect(golden.stderr).toContain('expected a folder of golden cases');
    expect(await readFile(path.resolve(import.meta.dirname, '../../package.json'), 'utf8')).toContain('"gpu-report"');
  });
});
