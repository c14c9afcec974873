/** The tensor that the allow-lists of PyTorch and numpy make. */
import type { TensorInfo } from '../../models/checkpoint/tensor-map.ts';
import { count, counts, damaged, Instance, isTuple, type Value } from './pickle-values.ts';
import { checkWindow, type Storage, type StridedTensor } from './strided-tensor.ts';

/** A storage on the unpickler's stack, as a persistent id or numpy's bytes give it. */
export class StorageValue extends Instance {
  readonly storage: Storage;
  constructor(storage: Storage) {
    super();
    this.storage = storage;
  }
  override setState(): void {
    throw damaged('a storage takes no state');
  }
}

/**
 * A tensor, complete once its window is known. PyTorch before 0.2 calls the tensor's class without arguments and sends
 * (storage, offset, size, stride) as its state.
 */
export class PickledTensor extends Instance {
  #window: StridedTensor | undefined;

  constructor(window?: StridedTensor) {
    super();
    this.#window = window && checkWindow(window);
  }

  get window(): StridedTensor {
    if (!this.#window) throw damaged('a tensor was never given its storage');
    return this.#window;
  }

  override setState(state: Value): void {
    if (!isTuple(state)) throw damaged("a tensor's state must be a tuple");
    // A Parameter's state, which has no numbers: (requires_grad, is_volatile, backward_hooks).
    if (this.#window && state.items.length === 3) return;
    if (this.#window || state.items.length !== 4)
      throw damaged("a tensor's state must be (storage, offset, size, stride)");
    this.#window = checkWindow(windowOf(state.items));
  }
}

/**
 * The window that (storage, offset, size, stride, …) describes.
 *
 * @param dtype when the storage is untyped, the type of the tensor
 */
export function windowOf(args: readonly Value[], dtype?: TensorInfo['dtype']): StridedTensor {
  const [value, offset, size, strides] = args;
  if (!(value instanceof StorageValue)) throw damaged('a tensor is built on something that is not a storage');
  const type = dtype ?? value.storage.dtype;
  if (!type) throw damaged('a tensor is built on an untyped storage, and no type is given');
  return {
    dtype: type,
    shape: counts(size ?? null, "a tensor's size"),
    offset: count(offset ?? null, "a tensor's offset"),
    strides: counts(strides ?? null, "a tensor's stride"),
    storage: value.storage,
  };
}
