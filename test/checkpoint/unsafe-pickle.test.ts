/** Pickles that try to run something, reach outside the file or fill the memory. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { readContent } from '../../train/checkpoint/open-checkpoint.ts';
import { inMemory } from '../../train/checkpoint/random-access.ts';
import { readTensors } from '../../train/checkpoint/safetensors-file.ts';
import * as p from './pickle-writer.ts';
import { torchZip } from './zip-writer.ts';

async function load(bytes: Uint8Array, name = 'test.pt') {
  const { tensors, notes } = await readContent(inMemory(bytes, name));
  return { notes, tensors: await readTensors(tensors) };
}

async function refusal(bytes: Uint8Array, name?: string): Promise<string> {
  const error = await load(bytes, name).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as Error).message;
}

const weights = Float32Array.from({ length: 6 }, (_, i) => i);
const good = p.tensor(p.storage('0', 6), [6]);

/** The same object in the three kinds of file that hold pickles. */
const wrap: Record<string, (object: Uint8Array) => Uint8Array> = {
  'zip format': (object) => torchZip(object, { 0: weights }),
  'format before 1.6': (object) => p.legacyFile(object, { 0: weights }),
  'plain pickle': (object) => object,
};

const canary = joinPath(tmpdir(), `miaobi-canary-${process.pid}`);
const args = p.text(`touch ${canary}`);
const shell = p.tuple(args);

const attacks: [name: string, object: p.Bytes, global: RegExp][] = [
  ['os.system by GLOBAL and REDUCE', p.join(p.global('os', 'system'), shell, p.REDUCE), /os\.system/],
  ['posix.system by STACK_GLOBAL', p.join(p.stackGlobal('posix', 'system'), shell, p.REDUCE), /posix\.system/],
  ['builtins.eval', p.call('builtins', 'eval', p.text('1')), /builtins\.eval/],
  ['builtins.exec', p.call('builtins', 'exec', p.text('1')), /builtins\.exec/],
  ['__builtin__.getattr', p.call('__builtin__', 'getattr', p.text('a'), p.text('b')), /__builtin__\.getattr/],
  ['a call by INST', p.inst('os', 'system', args), /os\.system/],
  ['a call by OBJ', p.join(p.MARK, p.global('subprocess', 'Popen'), args, p.OBJ), /subprocess\.Popen/],
  ['an object by NEWOBJ', p.join(p.global('subprocess', 'Popen'), shell, p.NEWOBJ), /subprocess\.Popen/],
  [
    'an object by NEWOBJ_EX',
    p.join(p.global('subprocess', 'Popen'), shell, p.dict({ shell: p.TRUE }), p.NEWOBJ_EX),
    /subprocess\.Popen/,
  ],
  [
    'keyword arguments to an allowed class',
    p.join(p.global('collections', 'OrderedDict'), p.tuple(), p.dict({ a: p.TRUE }), p.NEWOBJ_EX),
    /keyword arguments/,
  ],
  ['a global that is named and never called', p.global('nt', 'system'), /nt\.system/],
  ['a dotted name under an allowed module', p.stackGlobal('torch', 'serialization.os.system'), /serialization\.os/],
  ['a dotted name that spells an allowed one', p.stackGlobal('torch', '_utils._rebuild_tensor_v2'), /not on the list/],
  ['torch.load of another file', p.call('torch', 'load', args), /torch\.load/],
  ['torch.hub', p.call('torch.hub', 'load', args), /torch\.hub\.load/],
  ['numpy.load', p.call('numpy', 'load', args), /numpy\.load/],
  ['numpy.ndarray called directly', p.call('numpy', 'ndarray', p.tuple(p.int(9))), /numpy\.ndarray/],
  ['functools.partial', p.call('functools', 'partial', args), /functools\.partial/],
  ['operator.attrgetter', p.call('operator', 'attrgetter', args), /operator\.attrgetter/],
  ['a name of the JavaScript prototype', p.global('constructor', 'constructor'), /constructor\.constructor/],
  ['a call of something that is no global', p.join(p.text('os.system'), shell, p.REDUCE), /not a global/],
  ['a call of a tensor', p.join(good, shell, p.REDUCE), /not a global/],
  ['a state set on a list', p.join(p.EMPTY_LIST, p.dict({ __class__: p.NONE }), p.BUILD), /sets the state/],
  ['a state set on a text', p.join(p.text('x'), p.dict({}), p.BUILD), /sets the state/],
  ['a state set on a global', p.join(p.global('torch', 'Size'), p.dict({}), p.BUILD), /sets the state/],
  ['a dict state set on a tensor', p.join(good, p.dict({ __setstate__: p.NONE }), p.BUILD), /must be a tuple|storage/],
  ['an extension code', [0x82, 1], /extension/],
  ['a buffer outside the file', [0x97], /buffer outside/],
  ['_codecs.encode with a codec that runs', p.call('_codecs', 'encode', args, p.text('hex')), /codec/],
  ['a storage called', p.call('torch', 'FloatStorage', p.int(9)), /FloatStorage/],
];

describe.each(Object.keys(wrap))('in a %s', (kind) => {
  it.each(attacks)('%s is refused, and nothing runs', async (_, object, message) => {
    const needsStorage = Buffer.from(object).includes('FloatStorage\n') && kind === 'plain pickle';
    const file = wrap[kind](p.pickle(p.dict({ w: p.join(object) })));
    expect(await refusal(file)).toMatch(needsStorage ? /outside the file|FloatStorage/ : message);
    expect(existsSync(canary)).toBe(false);
  });
});

describe.each(['zip format', 'format before 1.6'])('in a %s', (kind) => {
  it('names like __proto__ and constructor are names and nothing else', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const object = p.pickle(p.dict({ w: p.dict(Object.fromEntries(names.map((name) => [name, good]))) }));
    const { tensors } = await load(wrap[kind](object));
    expect([...tensors.keys()]).toEqual(names.map((name) => `w.${name}`));
  });
});

describe('references out of a pickle', () => {
  const refer = (...id: p.Bytes[]) => p.pickle(p.dict({ w: p.join(p.tuple(...id), p.BINPERSID) }));
  const kind = p.global('torch', 'FloatStorage');
  const [cpu, n] = [p.text('cpu'), p.int(6)];

  it.each<[string, Uint8Array, RegExp]>([
    ['a path out of the archive', refer(p.text('storage'), kind, p.text('../../etc/passwd'), cpu, n), /plain name/],
    ['an absolute path', refer(p.text('storage'), kind, p.text('/etc/passwd'), cpu, n), /plain name/],
    ['a module with its source', refer(p.text('module'), kind, p.text('x.py'), p.text('import os')), /whole module/],
    ['another kind of reference', refer(p.text('file'), kind, p.text('0'), cpu, n), /not a storage/],
    ['a text for a type', refer(p.text('storage'), p.text('FloatStorage'), p.text('0'), cpu, n), /not a storage/],
    ['a number', p.pickle(p.join(p.int(7), p.BINPERSID)), /not a storage/],
    ['a protocol 0 reference', Uint8Array.from([0x80, 2, 0x50, 0x30, 0x0a, 0x2e]), /not a storage/],
    ['a storage that is not there', refer(p.text('storage'), kind, p.text('1'), cpu, n), /archive has none/],
    ['a storage of another length', refer(p.text('storage'), kind, p.text('0'), cpu, p.int(7)), /28 bytes.*has 24/],
    ['a negative length', refer(p.text('storage'), kind, p.text('0'), cpu, p.int(-6)), /whole number/],
  ])('%s is refused', async (_, object, message) => {
    expect(await refusal(torchZip(object, { 0: weights }))).toMatch(message);
  });
});

describe('tensors that do not fit their storage', () => {
  const stored = p.storage('0', 6);
  it.each<[string, p.Bytes, RegExp]>([
    ['a shape past the end', p.tensor(stored, [7]), /reaches element 6 of a storage of 6/],
    ['an offset past the end', p.tensor(stored, [1], [1], 6), /reaches element 6/],
    ['strides past the end', p.tensor(stored, [2, 2], [5, 1]), /reaches element 6/],
    ['a negative stride', p.tensor(stored, [2], [-1], 1), /whole number/],
    ['a negative offset', p.tensor(stored, [2], [1], -1), /whole number/],
    ['fewer strides than extents', p.tensor(stored, [2, 3], [1]), /2 extents but 1 strides/],
    ['a shape that overflows', p.tensor(stored, [2 ** 30, 2 ** 30, 2 ** 30], [0, 0, 0]), /product/],
    ['one element expanded to gigabytes', p.tensor(stored, [2 ** 20, 2 ** 10], [0, 0]), /makes 4294967296 bytes/],
    ['65 extents', p.tensor(stored, new Array(65).fill(1)), /at most 64/],
    ['a storage that is a text', p.tensor(p.text('x'), [1]), /not a storage/],
  ])('%s is refused', async (_, object, message) => {
    expect(await refusal(torchZip(p.pickle(p.dict({ w: object })), { 0: weights }))).toMatch(message);
  });

  it('refuses many windows on one storage that add up to gigabytes', async () => {
    const big = new Float32Array(1 << 18);
    const entries = Object.fromEntries(
      Array.from({ length: 1100 }, (_, i) => [`w${i}`, p.tensor(p.storage('0', big.length), [big.length])]),
    );
    expect(await refusal(torchZip(p.pickle(p.dict(entries)), { 0: big }))).toMatch(/claim \d+ bytes/);
  });
});

describe('pickles that would fill the memory or never end', () => {
  it('refuses a million dicts, however few are on the stack at once', async () => {
    const batch = [0x28, ...new Array(1024).fill(0x7d), 0x65];
    const bytes = new Uint8Array(3 + 1025 * batch.length + 1).fill(0x2e);
    bytes.set([0x80, 2, 0x5d]);
    for (let i = 0; i < 1025; i++) bytes.set(batch, 3 + i * batch.length);
    expect(await refusal(bytes)).toMatch(/more than 1048576 objects/);
  });

  it('refuses an endless row of marks and of memo entries', async () => {
    expect(await refusal(Uint8Array.from([...p.PROTO2, ...new Uint8Array((1 << 20) + 9).fill(0x28)]))).toMatch(
      /values at once/,
    );
    const bytes = new Uint8Array(2 + 1 + (1 << 21) + 9).fill(0x94);
    bytes.set([0x80, 4, 0x4e]);
    expect(await refusal(bytes)).toMatch(/values at once/);
  });

  it('stores memo entry 2^32 - 1 without making room for the others', async () => {
    const object = Uint8Array.from([0x80, 2, 0x4e, 0x72, 255, 255, 255, 255, 0x6a, 255, 255, 255, 255, 0x2e]);
    expect(await refusal(object)).toMatch(/holds none/);
  });

  it('refuses a list that holds itself', async () => {
    // ] MEMOIZE 0, BINGET 0, APPEND: l = []; l.append(l)
    expect(await refusal(Uint8Array.from([0x80, 4, 0x5d, 0x94, 0x68, 0, 0x61, 0x2e]))).toMatch(/nested beyond reason/);
  });

  it('refuses lists of lists that unfold to 10^9 items', async () => {
    const level = (below: number) => [0x5d, 0x28, ...new Array(10).fill([0x68, below]).flat(), 0x65, 0x94];
    const levels = Array.from({ length: 9 }, (_, i) => level(i)).flat();
    const started = performance.now();
    expect(await refusal(Uint8Array.from([0x80, 4, 0x4e, 0x94, ...levels, 0x2e]))).toMatch(/nested beyond reason/);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('refuses an integer of a megabyte', async () => {
    const bytes = new Uint8Array(1 << 20).fill(0x77);
    bytes.set([0x80, 2, 0x8b, 0, 0, 8, 0]);
    expect(await refusal(bytes)).toMatch(/integer of 524288 bytes/);
  });

  it('refuses a length beyond the file before it makes room for it', async () => {
    const claim = [0x8e, 0, 0, 0, 0, 0, 1, 0, 0];
    expect(await refusal(Uint8Array.from([0x80, 4, ...claim, 0x2e]))).toMatch(/are left/);
    expect(await refusal(Uint8Array.from([0x80, 4, 0x95, 255, 255, 255, 255, 255, 255, 255, 0, 0x2e]))).toMatch(
      /frame/,
    );
  });

  it.each<[string, number[], RegExp]>([
    ['STOP on an empty stack', [0x2e], /empty stack/],
    ['no STOP', [0x4e], /are left/],
    ['an unknown opcode', [0xff], /unknown opcode 0xff at offset 2/],
    ['APPEND to a tuple', [0x29, 0x4e, 0x61], /not a list/],
    ['SETITEM on a list', [0x5d, 0x4e, 0x4e, 0x73], /not a dict/],
    ['a key without a value', [0x7d, 0x28, 0x4e, 0x75], /key without a value/],
    ['a list as a key', [0x7d, 0x5d, 0x4e, 0x73], /used as a key/],
    ['TUPLE without a mark', [0x4e, 0x74], /mark/],
    ['values taken through a mark', [0x4e, 0x28, 0x85], /empty stack/],
    ['a memo entry that was never set', [0x68, 9], /no entry 9/],
    ['text that is not UTF-8', [0x8c, 1, 0xff, 0x2e], /not UTF-8/],
  ])('refuses %s', async (_, opcodes, message) => {
    expect(await refusal(Uint8Array.from([0x80, 4, ...opcodes]))).toMatch(message);
  });
});

describe('text pickles of protocol 0', () => {
  it('are read by the same rules when the file name says what they are', async () => {
    const attack = Buffer.from("cos\nsystem\n(S'touch x'\ntR.");
    expect(await refusal(attack, 'weights.pkl')).toMatch(/os\.system/);
    const harmless = Buffer.from("(dp0\nS'a'\np1\nF1.5\nsV\\u540d\nI01\nsS'b\\x41'\nL12345678901234567890L\ns.");
    expect(await refusal(harmless, 'weights.pkl')).toMatch(/holds none/);
  });
});
