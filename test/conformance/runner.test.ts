import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Answer, Builder } from './context.ts';
import { goldenCase, temporaryFolder, writeManifest, writeTensors } from './golden-fixture.ts';
import { resolveInputs } from './inputs.ts';
import { main } from './main.ts';
import type { Case } from './manifest.ts';
import { runCase } from './run-case.ts';
import { value } from './values.ts';

const EXACT = { rtol: 0, atol: 0 };

/** Answers `output ROLE` with the input of that role, `param KEY` with the parameter plus one. */
const echo: Builder = {
  parameters: (config) => (config.shapes as []) ?? [],
  run({ inputs, params }) {
    const results = new Map<string, Answer | (() => Answer)>();
    for (const role of inputs.roles) results.set(`output ${role}`, () => inputs.get(role));
    for (const [key, p] of params)
      results.set(
        `param ${key} @ step 0`,
        value(
          p.shape,
          p.data.map((x) => x + 1),
        ),
      );
    return results;
  },
};

const builders = { 'fixture/echo': echo };

function withTensors(): string {
  const folder = temporaryFolder();
  writeTensors(folder, 'data.safetensors', {
    x: value([2, 2], Float32Array.of(1, 2, 3, 4)),
    other: value([2, 2], Float32Array.of(1, 2, 3, 5)),
    flat: value([4], Float32Array.of(1, 2, 3, 4)),
    nan: value([2], Float32Array.of(Number.NaN, 1)),
    double: value([1], Float64Array.of(1 / 3)),
    labels: value([2], Int32Array.of(-1, 7)),
    pixels: value([2], Uint8Array.of(0, 255)),
    'param.w': value([2], Float32Array.of(10, 20)),
    after: value([2], Float32Array.of(11, 21)),
    tooFar: value([2], Float32Array.of(11, 20.99)),
  });
  return folder;
}

const run = (parts: Partial<Case>, folder = withTensors()) =>
  runCase(goldenCase({ file: 'data.safetensors', ...parts }), folder, builders);

describe('runCase', () => {
  it('passes what agrees', async () => {
    const report = await run({ inputs: { x: 'x' }, expect: { x: { of: 'output x', ...EXACT } } });
    expect(report).toMatchObject({ status: 'pass', worst: 0 });
  });

  it.each(['x', 'double', 'labels', 'pixels'])('reads the storage type of %s without loss', async (name) => {
    const report = await run({ inputs: { a: name }, expect: { [name]: { of: 'output a', ...EXACT } } });
    expect(report.status).toBe('pass');
  });

  it('fails on a difference and names the entry and the value', async () => {
    const report = await run({ inputs: { x: 'x' }, expect: { other: { of: 'output x', rtol: 0, atol: 0.5 } } });
    expect(report).toMatchObject({ status: 'FAIL', worst: 2, worstEntry: 'other' });
    expect(report.entries[0].reason).toMatch(/value 3 is off by 1/);
  });

  it('fails on another shape with the same values', async () => {
    const report = await run({ inputs: { x: 'x' }, expect: { flat: { of: 'output x', ...EXACT } } });
    expect(report.entries[0]).toMatchObject({ pass: false, reason: 'shape [2,2] instead of [4]' });
  });

  it('fails on NaN even where the reference is NaN', async () => {
    const report = await run({ inputs: { a: 'nan' }, expect: { nan: { of: 'output a', rtol: 1, atol: 1e9 } } });
    expect(report.status).toBe('FAIL');
  });

  it('fails what was not computed', async () => {
    const report = await run({ expect: { x: { of: 'output y', ...EXACT } } });
    expect(report.status).toBe('FAIL');
    expect(report.entries[0].reason).toMatch(/not computed: output y/);
  });

  it('fails an expectation that the file does not hold', async () => {
    const report = await run({ inputs: { x: 'x' }, expect: { gone: { of: 'output x', ...EXACT } } });
    expect(report.entries[0].reason).toMatch(/no tensor gone/);
  });

  it('wants every way to compute an answer to agree', async () => {
    const good = value([2], Float32Array.of(11, 21));
    const bad = value([2], Float32Array.of(11, 22));
    const ways = (...list: Answer[]): Builder => ({ run: () => new Map([['output y', list]]) });
    const golden = goldenCase({ scalars: { y: { of: 'output y', value: [11, 21], ...EXACT } } });
    const statusOf = async (builder: Builder) => (await runCase(golden, '.', { 'fixture/echo': builder })).status;
    expect(await statusOf(ways(good, good))).toBe('pass');
    expect(await statusOf(ways(good, bad))).toBe('FAIL');
    expect(await statusOf(ways(bad, good))).toBe('FAIL');
    expect(await statusOf(ways())).toBe('FAIL');
  });

  it('fails a case that expects nothing', async () => {
    expect(await run({})).toMatchObject({ status: 'FAIL', error: /nothing was checked/ });
  });

  it('fails when the builder throws, and goes on', async () => {
    const broken: Builder = {
      run() {
        throw new Error('no such width');
      },
    };
    const report = await runCase(goldenCase({}), '.', { 'fixture/echo': broken });
    expect(report).toMatchObject({ status: 'FAIL', error: 'no such width' });
  });

  it('says unsupported for a kind without a builder', async () => {
    expect(await runCase(goldenCase({ kind: 'fixture/toString' }), '.', {})).toMatchObject({ status: 'unsupported' });
  });

  it('compares scalars, nested ones too', async () => {
    const scalars = {
      good: {
        of: 'output x',
        value: [
          [1, 2],
          [3, 4],
        ],
        ...EXACT,
      },
      sum: { of: 'output x', view: 'sum', value: 10, ...EXACT },
    };
    expect((await run({ inputs: { x: 'x' }, scalars })).status).toBe('pass');
    const wrong = { sum: { ...scalars.sum, value: 10.5 } };
    expect((await run({ inputs: { x: 'x' }, scalars: wrong })).status).toBe('FAIL');
  });

  it('measures updates from the parameter before the step', async () => {
    const stepped = (key: string) => ({ of: `param ${key} @ step 0`, relL2: 1e-6, relativeTo: 'update' as const });
    const params = { prefix: 'param.', strip: true } as const;
    expect((await run({ params, expect: { after: stepped('w') } })).status).toBe('pass');
    expect((await run({ params, expect: { tooFar: stepped('w') } })).status).toBe('FAIL');
  });

  it('asks one question for each key of a list in the config', async () => {
    const config = { order: ['x', 'flat'] };
    const entry = { of: 'output (each key of config.order)', view: 'sum', rtol: 0, atol: 0 };
    const inputs = { x: 'x', flat: 'flat' };
    expect((await run({ config, inputs, scalars: { sums: { ...entry, value: [10, 10] } } })).status).toBe('pass');
    expect((await run({ config, inputs, scalars: { sums: { ...entry, value: [10, 11] } } })).status).toBe('FAIL');
  });

  it('generates inputs, sums of them too', async () => {
    const term = { formula: 'det_v1' as const, name: 'in:x', seed: 0, a: 1, b: 0 };
    const inputs = {
      x: 'x',
      y: {
        generate: {
          formula: 'sum' as const,
          shape: [2, 2],
          terms: [
            { scale: 2, input: 'x' },
            { scale: 0, ...term },
          ],
        },
      },
      z: { generate: { ...term, shape: [1] } },
    };
    const scalars = {
      y: {
        of: 'output y',
        value: [
          [2, 4],
          [6, 8],
        ],
        ...EXACT,
      },
      z: { of: 'output z', value: -0.21088193356990814, ...EXACT },
    };
    expect((await run({ inputs, scalars })).status).toBe('pass');
  });
});

describe('main', () => {
  /** A folder above a golden set. A symmetric matrix whose factor is known: [[4, 2], [2, 5]] = L Lᵀ with L = [[2, 0], [1, 2]]. */
  function folderWith(...expected: number[]): string {
    const parent = temporaryFolder();
    const folder = join(parent, 'set');
    mkdirSync(folder);
    writeTensors(folder, 'a.safetensors', {
      A: value([2, 2], Float32Array.of(4, 2, 2, 5)),
      L: value([2, 2], Float32Array.from(expected)),
    });
    const good = goldenCase({
      name: 'two',
      kind: 'cap-vstnet/cholesky-retry',
      file: 'a.safetensors',
      config: { n: 2, eps: 2e-5 },
      inputs: { A: 'A' },
      expect: { L: { of: 'output L', ...EXACT } },
    });
    writeManifest(folder, [good, goldenCase({ name: 'stranger', kind: 'fixture/unknown' })]);
    return parent;
  }

  async function outcome(...argv: string[]) {
    const lines: string[] = [];
    return { code: await main(argv, (line) => lines.push(line)), lines };
  }

  it('exits 0 only when nothing failed and nothing was unsupported', async () => {
    const folder = folderWith(2, 0, 1, 2);
    expect(await outcome(folder, '--filter', 'cholesky-retry')).toEqual({
      code: 0,
      lines: ['pass         cap-vstnet/cholesky-retry/two  0 (L)', '1 passed, 0 failed, 0 unsupported of 1 cases'],
    });
    expect((await outcome(folder)).code).toBe(1);
  });

  it('forgives the unsupported on request, and only them', async () => {
    expect((await outcome(folderWith(2, 0, 1, 2), '--allow-unsupported')).code).toBe(0);
    const { code, lines } = await outcome(folderWith(2, 0, 1, 3), '--allow-unsupported');
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/^FAIL {9}cap-vstnet\/cholesky-retry\/two {2}inf \(L\)\n {4}L: inf, value 3 is off by 1/);
  });

  it('writes every verdict as JSON', async () => {
    const folder = folderWith(2, 0, 1, 2);
    const file = join(folder, 'out.json');
    await outcome(folder, '--json', file);
    const reports = JSON.parse(readFileSync(file, 'utf8'));
    expect(reports.map((report: { status: string }) => report.status)).toEqual(['pass', 'unsupported']);
    expect(reports[0].entries[0]).toMatchObject({ entry: 'L', of: 'output L', pass: true, ratio: 0 });
  });

  it('refuses a filter that matches nothing, a missing folder and an unknown flag', async () => {
    const folder = folderWith(2, 0, 1, 2);
    await expect(outcome(folder, '--filter', 'no such case')).rejects.toThrow(/"no such case"/);
    await expect(outcome(join(folder, 'gone'))).rejects.toThrow(/gone is none/);
    await expect(outcome(folder, '--fliter', 'x')).rejects.toThrow(/--fliter/);
    await expect(outcome()).rejects.toThrow(/none came/);
  });
});

describe('cotangents', () => {
  const cos = (like: string) => ({ generate: { formula: 'cos' as const, like } });
  const x = value([2], Float32Array.of(3, 4));
  const inputsOf = (roles: Case['inputs']) => resolveInputs(goldenCase({ inputs: roles }), '.', new Map([['x', x]]));

  it('finds the role of an output by its name before the common one', () => {
    const inputs = inputsOf({ cot_a: 'x', cot: cos('output b') });
    expect(inputs.cotangent('a', [2])).toEqual(x);
    expect(inputs.cotangent('b', [3])?.data).toEqual(Float32Array.of(1, Math.cos(1), Math.cos(2)));
  });

  it('gives the common one to y alone among several outputs, unless it is for every output', () => {
    const one = inputsOf({ cot: cos('output y') });
    expect(one.cotangent('y', [1], ['y', 'z'])?.data).toEqual(Float32Array.of(1));
    expect(one.cotangent('z', [1], ['y', 'z'])).toBeUndefined();
    expect(inputsOf({ cot: cos('output every') }).cotangent('z', [1], ['y', 'z'])?.data).toEqual(Float32Array.of(1));
    expect(inputsOf({}).cotangent('y', [1])).toBeUndefined();
  });

  it('refuses one of another shape', () => {
    expect(() => inputsOf({ cot: 'x' }).cotangent('y', [1, 2])).toThrow(/has the shape \[2\], but y has \[1,2\]/);
  });
});
