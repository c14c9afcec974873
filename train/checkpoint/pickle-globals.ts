/**
 * The allow-list: every global that a pickle may name, with what we make of it. Nothing here imports, looks up or runs
 * anything by a name from the file. What is not listed is refused by name.
 */

import { printable } from '../../models/checkpoint/printable.ts';
import type { CheckpointDType } from '../../models/checkpoint/tensor-map.ts';
import { fromLatin1 } from './pickle-bytes.ts';
import { numpyGlobals } from './pickle-numpy.ts';
import { PickledTensor, windowOf } from './pickle-tensor.ts';
import { damaged, forbidden, Global, isTuple, Opaque, Tuple, type Value } from './pickle-values.ts';

type Calls = Record<string, (args: readonly Value[]) => Value>;

/** PyTorch's element types: the storage and tensor classes are named after the first word. */
const TORCH_TYPES: readonly [className: string, dtypes: readonly string[], dtype: CheckpointDType][] = [
  ['Double', ['float64', 'double'], 'F64'],
  ['Float', ['float32', 'float'], 'F32'],
  ['Half', ['float16', 'half'], 'F16'],
  ['BFloat16', ['bfloat16'], 'BF16'],
  ['Long', ['int64', 'long'], 'I64'],
  ['Int', ['int32', 'int'], 'I32'],
  ['Short', ['int16', 'short'], 'I16'],
  ['Char', ['int8'], 'I8'],
  ['Byte', ['uint8'], 'U8'],
  ['Bool', ['bool'], 'BOOL'],
  ['', ['uint16'], 'U16'],
  ['', ['uint32'], 'U32'],
];

/** A storage class, which stands in persistent ids as the type of the storage. Calling it makes nothing. */
export class StorageClass extends Global {
  /** Undefined for the untyped storage, which counts bytes. */
  readonly dtype: CheckpointDType | undefined;
  constructor(name: string, dtype: CheckpointDType | undefined) {
    super(name, () => {
      throw forbidden(`it makes a ${name} out of nothing`);
    });
    this.dtype = dtype;
  }
}

/** An element type, torch.float32. */
class TorchDType extends Global {
  readonly dtype: CheckpointDType;
  constructor(name: string, dtype: CheckpointDType) {
    super(name, () => {
      throw forbidden(`it calls ${name}`);
    });
    this.dtype = dtype;
  }
}

function dict(args: readonly Value[]): Value {
  const [pairs] = args;
  const result = new Map<Value, Value>();
  if (pairs === undefined) return result;
  if (!Array.isArray(pairs)) throw damaged('a dict is made of something that is not a list of pairs');
  for (const pair of pairs) {
    // Python 2 pickles an OrderedDict as a list of [key, value] lists.
    const items = isTuple(pair) ? pair.items : Array.isArray(pair) ? pair : [];
    const [key] = items;
    if (items.length !== 2 || typeof key === 'object') throw damaged('a dict is made of something that is not pairs');
    result.set(key, items[1]);
  }
  return result;
}

function sequence(args: readonly Value[]): Value[] {
  const [items] = args;
  if (items === undefined) return [];
  if (isTuple(items)) return [...items.items];
  if (Array.isArray(items)) return [...items];
  throw damaged('a sequence is made of something that is neither list nor tuple');
}

/** Data, then what only training needs: whether a gradient is wanted, hooks, attributes. */
function parameter([data]: readonly Value[]): Value {
  if (!(data instanceof PickledTensor)) throw damaged('a parameter is made of something that is not a tensor');
  return data;
}

function encode([text, codec]: readonly Value[]): Value {
  if (typeof text !== 'string' || (codec !== undefined && codec !== 'latin1' && codec !== 'latin-1')) {
    throw forbidden('it calls _codecs.encode with another codec than latin1');
  }
  return fromLatin1(text);
}

function byteArray(args: readonly Value[]): Value {
  const [data, codec] = args;
  if (data === undefined) return new Uint8Array(0);
  if (data instanceof Uint8Array) return data;
  if (codec !== undefined) return encode(args);
  throw damaged('a bytearray is made of something that is not bytes');
}

const rebuild = (args: readonly Value[]) => new PickledTensor(windowOf(args));

/** _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype): types without a storage class. */
function rebuildTyped(args: readonly Value[]): Value {
  const type = args[6];
  if (!(type instanceof TorchDType)) throw damaged('_rebuild_tensor_v3 is called without an element type');
  return new PickledTensor(windowOf(args, type.dtype));
}

const CALLS: Calls = {
  'collections.OrderedDict': dict,
  'collections.Counter': dict,
  'collections.defaultdict': () => new Map(),
  '_codecs.encode': encode,
  'torch.Size': (args) => new Tuple(sequence(args)),
  'torch.device': () => new Opaque('torch.device'),
  'torch._utils._rebuild_tensor': rebuild,
  'torch._utils._rebuild_tensor_v2': rebuild,
  'torch._utils._rebuild_tensor_v3': rebuildTyped,
  'torch._utils._rebuild_parameter': parameter,
  'torch._utils._rebuild_parameter_with_state': parameter,
  'torch.nn.parameter.Parameter': parameter,
  'torch.autograd.variable.Variable': parameter,
};

for (const builtins of ['builtins', '__builtin__']) {
  CALLS[`${builtins}.dict`] = dict;
  CALLS[`${builtins}.list`] = sequence;
  CALLS[`${builtins}.set`] = (args) => new Set(sequence(args));
  CALLS[`${builtins}.frozenset`] = (args) => new Set(sequence(args));
  CALLS[`${builtins}.bytearray`] = byteArray;
}

function buildList(): Map<string, Global> {
  const list = new Map<string, Global>();
  for (const [name, call] of Object.entries({ ...CALLS, ...numpyGlobals })) list.set(name, new Global(name, call));
  const add = (global: Global) => list.set(global.name, global);
  for (const [className, names, dtype] of TORCH_TYPES) {
    for (const name of names) add(new TorchDType(`torch.${name}`, dtype));
    if (className === '') continue;
    for (const module of ['torch', 'torch.cuda']) {
      add(new StorageClass(`${module}.${className}Storage`, dtype));
      const tensor = `${module}.${className}Tensor`;
      add(new Global(tensor, () => new PickledTensor()));
    }
  }
  add(new StorageClass('torch.UntypedStorage', undefined));
  add(new StorageClass('torch.storage.UntypedStorage', undefined));
  return list;
}

const ALLOWED = buildList();

/** @throws CheckpointError naming the global when it is not on the list */
export function allowedGlobal(module: string, name: string): Global {
  const full = `${module}.${name}`;
  // A dotted name walks through attributes in Python: "torch" + "nn.x" must not pass for "torch.nn" + "x".
  const global = name.includes('.') ? undefined : ALLOWED.get(full);
  if (!global) throw forbidden(`it asks for ${printable(full)}, which is not on the list of plain data`);
  return global;
}
