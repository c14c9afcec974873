import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAliases, kebabCase, readAliases } from '../../cli/aliases.ts';
import { applyLayers, resolvedConfig } from '../../cli/config.ts';
import { addGlobals, numberIn, wholeNumber } from '../../cli/options.ts';

/** A program with a command that has the flags of several kinds; `parsed` holds its options after a run. */
function program() {
  const root = addGlobals(new Command('tool')).exitOverride();
  root.configureOutput({ writeErr: () => {} });
  const train = root
    .command('train')
    .argument('[model]')
    .option('--batch-size <n>', '', wholeNumber(1, 1000), 1)
    .option('--label-dir <dir>')
    .option('--no-instance')
    .option('--use-vae')
    .option('--epochs <n>', '', wholeNumber(1, 1000))
    .option('--lr <rate>', '', numberIn(0, 1), 2e-4)
    .option('--style <file...>')
    .exitOverride()
    .action(() => {});
  return { root, train };
}

async function parse(argv: string[], env: NodeJS.ProcessEnv = {}) {
  const { root, train } = program();
  await root.parseAsync(readAliases(root, argv).argv, { from: 'user' });
  await applyLayers(train, env);
  return resolvedConfig(train);
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miaobi-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
async function config(text: string): Promise<string> {
  const path = join(folder, 'config.yaml');
  await writeFile(path, text);
  return path;
}

describe('flags of other projects', () => {
  it('are read under their names here', async () => {
    const pasted = 'train --batchSize 4 --label_dir a --no_instance --use_vae --niter 50'.split(' ');
    expect(await parse(pasted)).toMatchObject({
      'batch-size': 4,
      'label-dir': 'a',
      instance: false,
      'use-vae': true,
      epochs: 50,
    });
    expect(readAliases(program().root, pasted).read).toEqual([
      ['--batchSize', '--batch-size'],
      ['--label_dir', '--label-dir'],
      ['--no_instance', '--no-instance'],
      ['--use_vae', '--use-vae'],
      ['--niter', '--epochs'],
    ]);
  });

  it('keep their value after an equals sign', async () => {
    expect(await parse(['train', '--batch_size=7'])).toMatchObject({ 'batch-size': 7 });
  });

  it('turn GPU numbers into a device', async () => {
    expect(await parse(['train', '--gpu_ids', '0,1', 'gaugan'])).toMatchObject({ device: 'auto' });
    expect(await parse(['train', '--gpu_ids', '-1'])).toMatchObject({ device: 'cpu' });
    expect(await parse(['train', '--gpu_ids=-1'])).toMatchObject({ device: 'cpu' });
  });

  it('are left alone when nothing here has the name, and after --', () => {
    const argv = ['train', '--unheardOf', '3', '--', '--batchSize', '4'];
    expect(readAliases(program().root, argv)).toEqual({ argv, read: [] });
  });

  it('can be declared by a command', () => {
    const { root, train } = program();
    addAliases(train, { 'out-dir': 'label-dir' });
    expect(readAliases(root, ['train', '--out_dir', 'x']).argv).toEqual(['train', '--label-dir', 'x']);
  });

  it('are split at capitals and underscores', () => {
    expect(['batchSize', 'no_vgg_loss', 'nThreads', 'data-a'].map(kebabCase)).toEqual([
      'batch-size',
      'no-vgg-loss',
      'n-threads',
      'data-a',
    ]);
  });
});

describe('layers', () => {
  it('come in the order default, file, environment, --set, flag', async () => {
    const file = await config('batch_size: 2\nlr: 0.5\nepochs: 20\nseed: 5\n');
    const env = { MIAOBI_EPOCHS: '30', MIAOBI_LR: '0.25', MIAOBI_BATCH_SIZE: '3' };
    const argv = ['train', '-C', file, '--set', 'lr=0.125', '--set', 'batchSize=4', '--batch-size', '9'];
    expect(await parse(argv, env)).toMatchObject({ 'batch-size': 9, lr: 0.125, epochs: 30, seed: 5, device: 'auto' });
  });

  it('hold switches and lists', async () => {
    const file = await config('use-vae: true\ninstance: false\nstyle: [a.png, b.png]\n');
    expect(await parse(['train', '--config', file])).toMatchObject({
      'use-vae': true,
      instance: false,
      style: ['a.png', 'b.png'],
    });
  });

  it('know a negated switch by either name', async () => {
    expect(await parse(['train', '--set', 'instance=false'])).toMatchObject({ instance: false });
    expect(await parse(['train', '--set', 'no_instance=true'])).toMatchObject({ instance: false });
    expect(await parse(['train', '--set', 'no-instance=false'])).toMatchObject({ instance: true });
  });

  it('refuse what the flag would refuse, and say where it stands', async () => {
    await expect(parse(['train'], { MIAOBI_LR: '2' })).rejects.toThrow(
      /MIAOBI_LR: "2" does not fit. Expected a number from 0 to 1/,
    );
    const file = await config('use-vae: 7');
    await expect(parse(['train', '-C', file])).rejects.toThrow(
      /config.yaml: use-vae: expected true or false, but got 7/,
    );
    await expect(parse(['train', '--set', 'precision=f64'])).rejects.toThrow(
      /--set precision: "f64" does not fit.*f32, f16/,
    );
  });

  it('suggest the nearest key for an unknown one', async () => {
    await expect(parse(['train', '--set', 'bathc-size=3'])).rejects.toThrow(/Did you mean batch-size\?/);
    await expect(parse(['train', '--set', 'novelty=3'])).rejects.toThrow(/See --help for the names/);
    await expect(parse(['train', '--set', 'novelty'])).rejects.toThrow(/expected key=value/);
  });

  it('refuse files that are no configuration', async () => {
    await expect(parse(['train', '-C', join(folder, 'none.yaml')])).rejects.toThrow(/none.yaml: expected a YAML file/);
    await expect(parse(['train', '-C', await config('[1, 2]')])).rejects.toThrow(/expected lines of "option: value"/);
    await expect(parse(['train', '-C', await config('a: [')])).rejects.toThrow(/expected a YAML file/);
  });
});
