/** `miaobi ckpt` as a user meets it: what it prints, what it writes, how it ends. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { registerCkpt } from '../../cli/ckpt.ts';
import { exitCodeOf } from '../../cli/errors.ts';
import { addGlobals } from '../../cli/options.ts';
import { keyMapFor } from '../../models/checkpoint/key-maps.ts';
import { elementCount, float32Tensor, type TensorMap, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { readNpz } from '../../train/checkpoint/npz.ts';
import { readSafetensors, writeSafetensors } from '../../train/checkpoint/safetensors-file.ts';
import * as p from './pickle-writer.ts';
import { fixture, scratch } from './scratch.ts';
import { torchZip } from './zip-writer.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly message: string;
}

async function miaobi(...argv: string[]): Promise<Ended> {
  const program = addGlobals(new Command('miaobi'));
  registerCkpt(program);
  let [stdout, stderr, message, code] = ['', '', '', 0];
  const catchOut = vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((stdout += text)));
  const catchErr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((stderr += text)));
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    code = exitCodeOf(error);
    message = (error as Error).message;
  } finally {
    catchOut.mockRestore();
    catchErr.mockRestore();
  }
  return { code, stdout, stderr, message };
}

/** The parameters of a model, element i of tensor t being t + i / 1024. */
function weights(model: string): Map<string, { shape: readonly number[]; values: Float32Array }> {
  const shapes = [...keyMapFor(model)!.required()];
  return new Map(
    shapes.map(([name, shape], t) => {
      const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => t + i / 1024);
      return [name, { shape, values }];
    }),
  );
}

/** The same as PyTorch saves them: {'state_dict': {...}, 'iteration': 7}. */
function torchFile(model: string, kind: 'zip' | 'legacy'): Uint8Array {
  const entries = [...weights(model)];
  const tensors = Object.fromEntries(
    entries.map(([name, { shape, values }], i) => [name, p.tensor(p.storage(`${i}`, values.length), shape)]),
  );
  const storages = Object.fromEntries(entries.map(([, { values }], i) => [`${i}`, values]));
  const object = p.pickle(p.dict({ state_dict: p.dict(tensors), iteration: p.int(7) }));
  return kind === 'zip' ? torchZip(object, storages) : p.legacyFile(object, storages);
}

describe('ckpt convert', () => {
  it.each(['zip', 'legacy'] as const)('turns a CAP-VSTNet .pt (%s) into safetensors, value by value', async (kind) => {
    const folder = scratch();
    const [input, output] = [join(folder, 'photo_image.pt'), join(folder, 'photo.safetensors')];
    writeFileSync(input, torchFile('cap-vstnet', kind));
    const { code, stdout, stderr } = await miaobi('ckpt', 'convert', input, output, '--strict');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${output}\n` });
    expect(stderr).toMatch(/192 tensors, 4,089,936 parameters for cap-vstnet/);
    expect(stderr).toMatch(/only "state_dict" was read; left out: "iteration"/);
    const { metadata, tensors } = await readSafetensors(output);
    expect(Object.fromEntries(metadata)).toEqual({
      source: 'photo_image.pt',
      source_format: `torch-${kind}`,
      source_sha256: createHash('sha256').update(readFileSync(input)).digest('hex'),
      model: 'cap-vstnet',
      mode: 'photo',
    });
    const expected = weights('cap-vstnet');
    expect([...tensors.keys()]).toEqual([...expected.keys()]);
    for (const [name, { shape, values }] of expected) {
      const tensor = tensors.get(name)!;
      expect(tensor.shape).toEqual(shape);
      expect(Buffer.compare(Buffer.from(toFloat32Array(tensor).buffer), Buffer.from(values.buffer)), name).toBe(0);
    }
    expect(readdirSync(folder).sort()).toEqual(['photo.safetensors', 'photo_image.pt']);
  });

  it("leaves out torchvision's classifier without a word of warning, even when strict", async () => {
    const folder = scratch();
    const input = join(folder, 'vgg.safetensors');
    const tensors: TensorMap = new Map();
    for (const [name, shape] of keyMapFor('vgg16')!.required()) {
      tensors.set(name, { dtype: 'F64', shape, bytes: new Uint8Array(8 * elementCount(shape)) });
    }
    tensors.set('classifier.0.bias', float32Tensor([2], Float32Array.of(1, 2)));
    await writeSafetensors(input, tensors);
    const output = join(folder, 'out.safetensors');
    const { code, stderr } = await miaobi('ckpt', 'convert', input, output, '--strict');
    expect(code).toBe(0);
    expect(stderr).toMatch(/26 tensors cast from F64 to F32/);
    const read = await readSafetensors(output);
    expect(read.tensors.size).toBe(26);
    expect(new Set([...read.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F32']));
  });

  it('keeps what it does not know, and says so; --strict refuses it', async () => {
    const folder = scratch();
    const output = join(folder, 'out.safetensors');
    const kept = await miaobi('ckpt', 'convert', fixture('torch-zip-state.pt'), output);
    expect(kept.code).toBe(0);
    expect(kept.stderr).toMatch(/no known network/);
    expect((await readSafetensors(output)).tensors.size).toBe(17);
    const strict = await miaobi(
      'ckpt',
      'convert',
      fixture('torch-zip-state.pt'),
      join(folder, 's.safetensors'),
      '--strict',
    );
    expect(strict.code).toBe(5);
    expect(strict.message).toMatch(/fit no known network/);
    expect(existsSync(join(folder, 's.safetensors'))).toBe(false);
  });

  it('writes .npz, too', async () => {
    const output = join(scratch(), 'out.npz');
    expect((await miaobi('ckpt', 'convert', fixture('numpy2-protocol4.pkl'), output)).code).toBe(0);
    const read = await readNpz(output);
    expect([...toFloat32Array(read.get('column')!)]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('renames by a table, and refuses a table that is none', async () => {
    const folder = scratch();
    const [map, output] = [join(folder, 'map.json'), join(folder, 'out.safetensors')];
    writeFileSync(map, JSON.stringify({ 'shared.*': 'tied.*', scalar: null, typo: 'x' }));
    const argv = ['ckpt', 'convert', fixture('torch-zip-state.pt'), output, '--map', map];
    const { code, stderr } = await miaobi(...argv);
    expect(code).toBe(0);
    expect(stderr).toMatch(/rules of --map that met no name: typo/);
    const names = [...(await readSafetensors(output)).tensors.keys()];
    expect(names).toContain('tied.a');
    expect(names).not.toContain('scalar');
    for (const bad of ['{"a": 1}', '[]', '{', '"x"']) {
      writeFileSync(map, bad);
      const refused = await miaobi(...argv, '--overwrite');
      expect(refused).toMatchObject({ code: 2, message: expect.stringContaining('expected a JSON object') });
    }
  });

  it('refuses weights of another model and lists the names', async () => {
    const folder = scratch();
    const output = join(folder, 'out.safetensors');
    const wrong = await miaobi('ckpt', 'convert', fixture('torch-zip-state.pt'), output, '--model', 'cap-vstnet');
    expect(wrong.code).toBe(5);
    expect(wrong.message).toMatch(/missing \(192\):\s+stack\.0\.conv\.1\.weight[\s\S]*and 180 more/);
    expect(wrong.message).toMatch(/unexpected \(17\):\s+conv\.weight/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends with 5 on a pickle that wants to run something, executes nothing and writes nothing', async () => {
    const folder = scratch();
    const canary = join(folder, 'canary');
    const attack = p.pickle(p.call('os', 'system', p.text(`touch ${canary}`)));
    for (const [name, bytes] of [
      ['zip.pt', torchZip(attack)],
      ['legacy.pth', p.legacyFile(attack, {})],
      ['plain.pkl', attack],
    ] as const) {
      const input = join(folder, name);
      writeFileSync(input, bytes);
      for (const argv of [
        ['inspect', input],
        ['convert', input, join(folder, 'out.safetensors')],
      ]) {
        const { code, stdout, message } = await miaobi('ckpt', ...argv);
        expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
        expect(message).toMatch(/asks for os\.system[\s\S]*Nothing was executed/);
        expect(message).toContain(input);
      }
    }
    expect(readdirSync(folder).sort()).toEqual(['legacy.pth', 'plain.pkl', 'zip.pt']);
  });

  it('ends with 2 when a path is wrong, and touches nothing', async () => {
    const folder = scratch();
    const input = fixture('torch-zip-state.pt');
    const existing = join(folder, 'here.safetensors');
    writeFileSync(existing, 'precious');
    mkdirSync(join(folder, 'dir.safetensors'));
    const cases: [string[], RegExp][] = [
      [[join(folder, 'none.pt'), join(folder, 'x.safetensors')], /none\.pt.*there is none/],
      [[folder, join(folder, 'x.safetensors')], /it is a folder/],
      [[input, existing], /exists.*--overwrite/],
      [[input, join(folder, 'no', 'x.safetensors')], /there is none/],
      [[input, join(existing, 'x.safetensors')], /one part of the path is a file/],
      [[input, join(folder, 'dir.safetensors'), '--overwrite'], /folder|directory/],
      [[input, join(folder, 'x.pt')], /ends in \.safetensors or \.npz.*Try .*x\.safetensors/],
      [[input, join(folder, 'x.safetensors'), '--map', join(folder, 'none.json')], /none\.json.*there is none/],
    ];
    for (const [argv, message] of cases) {
      const ended = await miaobi('ckpt', 'convert', ...argv);
      expect(ended, argv.join(' ')).toMatchObject({ code: 2, stdout: '', message: expect.stringMatching(message) });
    }
    expect(readFileSync(existing, 'utf8')).toBe('precious');
    expect(readdirSync(folder).sort()).toEqual(['dir.safetensors', 'here.safetensors']);
    expect((await miaobi('ckpt', 'convert', input, existing, '--overwrite')).code).toBe(0);
    expect((await readSafetensors(existing)).tensors.size).toBe(17);
  });

  it('checks everything and writes nothing in a dry run', async () => {
    const folder = scratch();
    const { code, stderr } = await miaobi(
      ...['ckpt', 'convert', fixture('torch-zip-state.pt'), join(folder, 'x.safetensors'), '--dry-run'],
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/nothing was written/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('ckpt inspect', () => {
  it('prints format, size, hash, counts and every tensor', async () => {
    const path = fixture('torch-legacy-state.pt');
    const { code, stdout } = await miaobi('ckpt', 'inspect', path);
    expect(code).toBe(0);
    expect(stdout).toMatch(/format +torch-legacy/);
    expect(stdout).toMatch(/tensors +17/);
    expect(stdout).toMatch(/parameters +107/);
    expect(stdout).toContain(createHash('sha256').update(readFileSync(path)).digest('hex'));
    expect(stdout).toMatch(/conv\.weight.*F32.*\[2, 3, 3, 3\]/);
  });

  it('names the model, and with --json gives it all to a program', async () => {
    const path = join(scratch(), 'a.pt');
    writeFileSync(path, torchFile('cap-vstnet', 'zip'));
    const { stdout } = await miaobi('ckpt', 'inspect', path, '--json');
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      format: 'torch-zip',
      parameters: 4_089_936,
      model: { name: 'cap-vstnet', complete: true, missing: [] },
    });
    expect(found.tensors[0]).toEqual({ name: 'stack.0.conv.1.weight', dtype: 'F32', shape: [4, 16, 3, 3] });
  });

  it('escapes names that would steer a terminal', async () => {
    const path = join(scratch(), 'a.safetensors');
    await writeSafetensors(path, new Map([['\x1b[31mred\x9b', float32Tensor([1], Float32Array.of(1))]]));
    const { stdout } = await miaobi('ckpt', 'inspect', path);
    expect(stdout).toContain('\\u001b[31mred\\u009b');
    expect(stdout).not.toContain('\x1b[31mred');
  });

  it('compares two files of different formats', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.safetensors'), fixture('numpy2-protocol4.pkl')];
    const same = await miaobi(
      'ckpt',
      'inspect',
      fixture('torch-zip-state.pt'),
      '--diff',
      fixture('torch-legacy-state.pt'),
    );
    expect(same.stdout).toBe('17 tensors equal, 0 different\n');
    const tensors: TensorMap = new Map([
      ['scalar', float32Tensor([], Float32Array.of(3.25))],
      ['ramp', float32Tensor([1], Float32Array.of(1))],
      ['new', float32Tensor([1], Float32Array.of(1))],
    ]);
    await writeSafetensors(a, tensors);
    const { stdout } = await miaobi('ckpt', 'inspect', a, '--diff', b, '--json');
    expect(JSON.parse(stdout)).toEqual({
      onlyInFirst: ['new'],
      onlyInSecond: ['column', 'ints', 'bytes', 'flag'],
      reshaped: [{ name: 'ramp', first: 'F32 [1]', second: 'F32 [2, 3, 4]' }],
      changed: [{ name: 'scalar', maxAbs: 0.25 }],
      equal: 0,
    });
    const text = await miaobi('ckpt', 'inspect', a, '--diff', b);
    expect(text.stdout).toMatch(/values differ by up to 0\.2500/);
  });

  it('ends with 2 for a file that is not there and 5 for one that is no checkpoint', async () => {
    const folder = scratch();
    expect((await miaobi('ckpt', 'inspect', join(folder, 'none.pt'))).code).toBe(2);
    const text = join(folder, 'text.pt');
    writeFileSync(text, 'no weights here');
    expect((await miaobi('ckpt', 'inspect', text)).code).toBe(5);
  });
});
