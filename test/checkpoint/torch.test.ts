/** Files that PyTorch and numpy wrote (fixtures/make.py): element i of a tensor is start + i * step. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CheckpointDType, elementCount, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { openCheckpoint, readContent } from '../../train/checkpoint/open-checkpoint.ts';
import { inMemory } from '../../train/checkpoint/random-access.ts';
import { readTensors } from '../../train/checkpoint/safetensors-file.ts';
import {
  BUILD,
  call,
  dict,
  FALSE,
  global,
  int,
  join,
  legacyFile,
  legacyHead,
  list,
  NONE,
  pickle,
  REDUCE,
  storage,
  TRUE,
  tensor,
  text,
  tuple,
} from './pickle-writer.ts';
import { fixture } from './scratch.ts';
import { torchZip } from './zip-writer.ts';

type Expected = Record<string, [dtype: CheckpointDType, shape: number[], values: number[]]>;

const ramp = (count: number, start = -1, step = 0.25) => Array.from({ length: count }, (_, i) => start + i * step);

const STATE: Expected = {
  'conv.weight': ['F32', [2, 3, 3, 3], ramp(54)],
  'conv.bias': ['F32', [2], ramp(2)],
  half: ['F16', [5], ramp(5)],
  brain: ['BF16', [5], ramp(5)],
  double: ['F64', [5], ramp(5)],
  int64: ['I64', [3], ramp(3, -1, 1)],
  int32: ['I32', [3], ramp(3, -1, 1)],
  int16: ['I16', [3], ramp(3, -1, 1)],
  int8: ['I8', [3], ramp(3, -1, 1)],
  uint8: ['U8', [3], [1, 2, 3]],
  bool: ['BOOL', [3], [1, 0, 1]],
  transposed: ['F32', [3, 2], [0, 3, 1, 4, 2, 5]],
  'shared.a': ['F32', [4], [2, 3, 4, 5]],
  'shared.b': ['F32', [4], [4, 5, 6, 7]],
  expanded: ['F32', [3], [7, 7, 7]],
  scalar: ['F32', [], [3.5]],
  empty: ['F32', [0, 4], []],
};

const ARRAYS: Expected = {
  ramp: ['F32', [2, 3, 4], ramp(24)],
  column: ['F64', [2, 3], ramp(6, 0, 1)],
  ints: ['I64', [3], [-1, 0, 1]],
  bytes: ['U8', [4], [0, 1, 2, 3]],
  flag: ['BOOL', [2], [1, 0]],
  scalar: ['F32', [], [3.5]],
};

async function load(path: string) {
  const file = await openCheckpoint(path);
  try {
    return { format: file.format, notes: file.notes, tensors: await readTensors(file.tensors) };
  } finally {
    await file.close();
  }
}

async function loadBytes(bytes: Uint8Array) {
  const { tensors, notes } = await readContent(inMemory(bytes, 'test.pt'));
  return { notes, tensors: await readTensors(tensors) };
}

function values(tensors: Awaited<ReturnType<typeof loadBytes>>['tensors']): Expected {
  return Object.fromEntries(
    [...tensors].map(([name, t]) => [name, [t.dtype, [...t.shape], [...toFloat32Array(t)]] as Expected[string]]),
  );
}

describe.each([
  ['torch-zip', 'torch-zip'],
  ['torch-legacy', 'torch-legacy'],
])('a file of %s', (tag, format) => {
  it('gives every dtype, stride, shared storage and parameter', async () => {
    const read = await load(fixture(`${tag}-state.pt`));
    expect(read.format).toBe(format);
    expect(read.notes).toEqual([]);
    expect(values(read.tensors)).toEqual(STATE);
    expect([...read.tensors.keys()]).toEqual(Object.keys(STATE));
    for (const { bytes, shape } of read.tensors.values())
      expect(bytes.length % Math.max(1, elementCount(shape))).toBe(0);
  });

  it('takes the weights out of a training checkpoint and says what it left', async () => {
    const read = await load(fixture(`${tag}-training.pt`));
    expect(values(read.tensors)).toEqual(STATE);
    expect(read.notes).toEqual(['only "state_dict" was read; left out: "optimizer", "epoch"']);
  });

  it("takes off DataParallel's prefix", async () => {
    const read = await load(fixture(`${tag}-parallel.pt`));
    expect([...read.tensors.keys()]).toEqual(['conv.weight', 'conv.bias']);
    expect(read.notes).toEqual(['the prefix "module." of DataParallel was taken off']);
  });

  it('refuses a whole module and names its class', async () => {
    await expect(load(fixture(`${tag}-module.pt`))).rejects.toThrow(/torch\.nn\.modules\.linear\.Linear/);
  });
});

describe('a plain pickle of numpy arrays', () => {
  const files = ['numpy1', 'numpy2'].flatMap((numpy) =>
    ['protocol2', 'protocol4', 'protocol5', 'jittor'].map((kind) => `${numpy}-${kind}.pkl`),
  );
  it.each(files)('%s gives its arrays in row-major order', async (name) => {
    const read = await load(fixture(name));
    expect(read.format).toBe('pickle');
    expect(values(read.tensors)).toEqual(ARRAYS);
    expect(read.notes).toEqual(['1 values that are not tensors were left out']);
  });

  it("refuses a Jittor file whose digest is not the pickle's", async () => {
    const bytes = readFileSync(fixture('numpy2-jittor.pkl'));
    bytes[bytes.length - 12] ^= 1;
    await expect(loadBytes(bytes)).rejects.toThrow(/SHA-1/);
  });
});

describe('older ways of PyTorch', () => {
  const weights = Float32Array.from(ramp(6));

  it("reads a tensor whose class is called and then given its storage, and a Parameter's state", async () => {
    // As PyTorch 0.1 wrote them.
    const old = join(
      call('torch', 'FloatTensor'),
      tuple(storage('k', 6, 'FloatStorage', NONE), int(0), tuple(int(2), int(3)), tuple(int(3), int(1))),
      BUILD,
    );
    const parameter = join(
      global('torch.nn.parameter', 'Parameter'),
      tuple(old),
      REDUCE,
      tuple(TRUE, FALSE, call('collections', 'OrderedDict')),
      BUILD,
    );
    const object = pickle(call('collections', 'OrderedDict', list(list(text('w'), parameter))));
    const read = await loadBytes(legacyFile(object, { k: weights }));
    expect(values(read.tensors)).toEqual({ w: ['F32', [2, 3], ramp(6)] });
  });

  it('reads views of one storage', async () => {
    const part = storage('k', 6, 'FloatStorage', tuple(text('v'), int(2), int(3)));
    const object = pickle(dict({ part: tensor(part, [3]), whole: tensor(storage('k', 6), [6]) }));
    const read = await loadBytes(legacyFile(object, { k: weights }));
    expect(values(read.tensors)).toEqual({ part: ['F32', [3], ramp(3, -0.5)], whole: ['F32', [6], ramp(6)] });
  });

  it('reads element types that have no storage class (uint16 of PyTorch 2.3)', async () => {
    const untyped = storage('0', 4, 'UntypedStorage');
    const args = tuple(untyped, int(1), tuple(int(1)), tuple(int(1)), FALSE, dict({}), global('torch', 'uint16'));
    const object = pickle(dict({ w: join(global('torch._utils', '_rebuild_tensor_v3'), args, REDUCE) }));
    const bits = new Float32Array(new Uint16Array([7, 65535]).buffer);
    const read = await loadBytes(torchZip(object, { 0: bits }));
    expect(values(read.tensors)).toEqual({ w: ['U16', [1], [65535]] });
  });

  it('refuses big-endian files of both formats', async () => {
    const object = pickle(dict({ w: tensor(storage('k', 6), [6]) }));
    const little = legacyFile(object, { k: weights });
    const at = Buffer.from(little).indexOf('little_endian') + 'little_endian'.length;
    expect(little[at]).toBe(0x88);
    little[at] = 0x89;
    await expect(loadBytes(little)).rejects.toThrow(/little-endian/);
    const zipped = torchZip(object, { k: weights }, [{ name: 'archive/byteorder', content: Buffer.from('big') }]);
    await expect(loadBytes(zipped)).rejects.toThrow(/little-endian/);
  });

  it('refuses a list of storages that names none, nested a million deep, by kind and not by content', async () => {
    const deep = Uint8Array.from([
      0x80,
      2,
      0x5d,
      ...new Array(500_000).fill(0x5d),
      ...new Array(500_000).fill(0x61),
      0x2e,
    ]);
    const file = Buffer.concat([legacyHead(), pickle(dict({})), deep]);
    await expect(loadBytes(file)).rejects.toThrow(/names an object wrongly/);
  });

  it('refuses a file before 1.6 that goes on after its storages, or ends within them', async () => {
    const whole = legacyFile(pickle(dict({ w: tensor(storage('k', 6), [6]) })), { k: weights });
    await expect(loadBytes(Buffer.concat([whole, Buffer.from('x')]))).rejects.toThrow(/should end the file at byte/);
    await expect(loadBytes(whole.subarray(0, -1))).rejects.toThrow(/should end the file at byte/);
  });

  it('refuses the tar format of 2016 and says what to do', async () => {
    const tar = new Uint8Array(1024);
    tar.set(Buffer.from('storages'), 0);
    tar.set(Buffer.from('ustar'), 257);
    await expect(loadBytes(tar)).rejects.toThrow(/tar archive[\s\S]*save it again/);
  });

  it('refuses TorchScript and says what to do', async () => {
    const script = torchZip(pickle(dict({})), {}, [{ name: 'archive/constants.pkl', content: pickle(tuple()) }]);
    await expect(loadBytes(script)).rejects.toThrow(/TorchScript/);
  });
});
