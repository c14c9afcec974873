import { adopt } from './scope.ts';
import { bytesPerElement, type DType, empty, type Shape, slotBytes, Tensor } from './tensor.ts';
import { leaves, mapTree, type Tree } from './tree.ts';

/**
 * A few large buffers that hold all leaves of a tree, and the tree as views into them: an optimiser then needs one
 * dispatch a buffer. Each leaf starts at a multiple of 256 bytes; each buffer is within what a kernel can bind.
 */
export interface Flat<P extends Tree> {
  /** each [elements], gaps included */
  readonly buffers: readonly Tensor[];
  readonly views: P;
}

/** Where each leaf goes, and how large the buffers are. */
interface Layout {
  readonly elements: readonly number[];
  readonly places: readonly { readonly buffer: number; readonly offset: number }[];
}

/** Unset flat buffers for the leaves of a tree. All leaves must have one storage type. */
export function flatLike<P extends Tree>(tree: P): Flat<P> {
  const list = leaves(tree).map(([, leaf]) => leaf);
  const [{ device, dtype }] = list;
  const { elements, places } = layoutOf(list, dtype, device.capabilities.maxBindingBytes);
  const buffers = elements.map((count) => empty(device, { shape: [count], dtype }));
  let next = 0;
  const views = mapTree(tree, (leaf) => {
    const { buffer, offset } = places[next++];
    return viewAt(buffers[buffer], offset, leaf.shape);
  });
  return { buffers, views };
}

/** Copies every leaf of `from` over the leaf of the same place in `to`; nothing is converted. */
export function copyLeaves(to: Tree, from: Tree): void {
  const sources = leaves(from);
  leaves(to).forEach(([, target], i) => {
    const [, source] = sources[i];
    const [into, out] = [target.storage.buffer.gpu, source.storage.buffer.gpu];
    if (!into || !out) return; // a forecast
    const bytes = Math.ceil((target.size * bytesPerElement(target.dtype)) / 4) * 4;
    target.device.recorder.copy({ from: out, fromOffset: source.offset, to: into, toOffset: target.offset, bytes });
  });
}

/** Uploads values over a tensor or view, in order with the work recorded around it. */
export function overwrite(target: Tensor, values: Float32Array): void {
  if (target.dtype !== 'f32' || values.length !== target.size) {
    throw new RangeError(`overwrite: expected ${target.size} f32 values for [${target.shape}], got ${values.length}.`);
  }
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  target.device.recorder.upload(target.storage.buffer, bytes, target.offset);
}

function layoutOf(list: readonly Tensor[], dtype: DType, maxBytes: number): Layout {
  const width = bytesPerElement(dtype);
  const elements: number[] = [];
  const places = list.map(({ size }) => {
    const bytes = slotBytes(size * width);
    const last = elements.length - 1;
    if (last < 0 || elements[last] * width + bytes > maxBytes) {
      elements.push(bytes / width);
      return { buffer: last + 1, offset: 0 };
    }
    const offset = elements[last] * width;
    elements[last] += bytes / width;
    return { buffer: last, offset };
  });
  return { elements, places };
}

function viewAt(buffer: Tensor, offset: number, shape: Shape): Tensor {
  return adopt(new Tensor(buffer.storage.retain(), { shape, dtype: buffer.dtype }, undefined, { offset }));
}
