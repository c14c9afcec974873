/**
 * numpy's part of the allow-list: arrays, element types and scalars, as plain pickles (Jittor's .pkl) hold them. The
 * modules are numpy.core before numpy 2 and numpy._core after.
 */
import { byteLength, type CheckpointDType, DTYPE_BYTES } from '../../models/checkpoint/tensor-map.ts';
import { numpyDType } from './npy.ts';
import { fromLatin1 } from './pickle-bytes.ts';
import { PickledTensor } from './pickle-tensor.ts';
import { counts, damaged, forbidden, Instance, isTuple, Opaque, type Value } from './pickle-values.ts';
import { columnMajorStrides, rowMajorStrides } from './strided-tensor.ts';

/** numpy.dtype("f4"), then its state: (version, byte order, subarray, names, fields, size, alignment, flags). */
class NumpyDType extends Instance {
  readonly #code: string;
  #order = '<';

  constructor(code: string) {
    super();
    this.#code = code;
  }

  /** @throws CheckpointError for objects, text, structures and big-endian numbers */
  get dtype(): CheckpointDType {
    return numpyDType(`${this.#order}${this.#code}`, 'pickle');
  }

  override setState(state: Value): void {
    const items = isTuple(state) ? state.items : [];
    const [, order, subarray, names] = items;
    if (typeof order !== 'string' || !/^[<>=|]$/.test(order)) throw damaged("a numpy dtype's state has no byte order");
    if (subarray !== null || names !== null) throw forbidden('it holds a structured numpy array');
    this.#order = order;
  }
}

/** numpy.ndarray before its state: (version, shape, dtype, column-major, bytes). */
class NumpyArray extends PickledTensor {
  #state: PickledTensor | undefined;

  override get window() {
    if (!this.#state) throw damaged('a numpy array was never given its values');
    return this.#state.window;
  }

  override setState(state: Value): void {
    const items = isTuple(state) ? state.items : [];
    if (items.length !== 5) throw damaged("a numpy array's state must have 5 parts");
    const [, shape, dtype, columnMajor, bytes] = items;
    this.#state = array(dtype, shape, columnMajor === true, bytes);
  }
}

function array(type: Value, shapeValue: Value, columnMajor: boolean, data: Value): PickledTensor {
  if (!(type instanceof NumpyDType)) throw damaged('a numpy array has no dtype');
  if (Array.isArray(data)) throw forbidden('it holds a numpy array of Python objects');
  // Python 2 pickles bytes as a string.
  const bytes = typeof data === 'string' ? fromLatin1(data) : data;
  if (!(bytes instanceof Uint8Array)) throw damaged('a numpy array has no bytes');
  const { dtype } = type;
  const shape = counts(shapeValue, "a numpy array's shape");
  const needed = byteLength('pickle: a numpy array', { dtype, shape });
  if (needed !== bytes.byteLength) {
    throw damaged(`a numpy array of shape [${shape}] needs ${needed} bytes, but has ${bytes.byteLength}`);
  }
  const strides = columnMajor ? columnMajorStrides(shape) : rowMajorStrides(shape);
  const storage = { dtype, byteLength: bytes.byteLength, read: async () => bytes };
  return new PickledTensor({ dtype, shape, strides, offset: 0, storage });
}

/** numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b"b"): an empty array, to be given its state. */
const reconstruct = () => new NumpyArray();

/** numpy.core.numeric._frombuffer(bytes, dtype, shape, order): protocol 5. */
function fromBuffer([bytes, dtype, shape, order]: readonly Value[]): Value {
  return array(dtype ?? null, shape ?? null, order === 'F', bytes ?? null);
}

function scalar([type, bytes]: readonly Value[]): Value {
  const data = typeof bytes === 'string' ? fromLatin1(bytes) : bytes;
  const sized = type instanceof NumpyDType && data instanceof Uint8Array && data.byteLength === DTYPE_BYTES[type.dtype];
  if (!sized) throw damaged('a numpy scalar has no value');
  return new Opaque('a numpy scalar');
}

function dtype([code]: readonly Value[]): Value {
  if (typeof code !== 'string') throw damaged('a numpy dtype has no name');
  return new NumpyDType(code);
}

export const numpyGlobals: Record<string, (args: readonly Value[]) => Value> = {
  'numpy.dtype': dtype,
  // Named as an argument of _reconstruct; called, it would make an array of unset memory.
  'numpy.ndarray': () => {
    throw forbidden('it calls numpy.ndarray');
  },
};

for (const core of ['numpy.core', 'numpy._core']) {
  numpyGlobals[`${core}.multiarray._reconstruct`] = reconstruct;
  numpyGlobals[`${core}.multiarray.scalar`] = scalar;
  numpyGlobals[`${core}.numeric._frombuffer`] = fromBuffer;
}
