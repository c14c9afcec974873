import { adopt } from './scope.ts';
import { bytesPerElement, empty, type Shape, slotBytes, Tensor } from './tensor.ts';
import { leaves, mapTree, type Tree } from './tree.ts';

/**
 * One buffer that holds all leaves of a tree, and the tree as views into it: an optimiser then needs one dispatch, and a
 * checkpoint one read. Each leaf starts at a multiple of 256 bytes; the gaps are zero and stay so.
 */
export interface Flat<P extends Tree> {
  /** [elements], gaps included */
  readonly buffer: Tensor;
  readonly views: P;
}

/** Copies a tree into one flat buffer. All leaves must have one storage type. */
export function flatten<P extends Tree>(tree: P): Flat<P> {
  const list = leaves(tree).map(([, leaf]) => leaf);
  const buffer = flatLike(list);
  const views = viewsOf(tree, buffer);
  copyIntoViews(
    leaves(views).map(([, view]) => view),
    list,
  );
  return { buffer, views };
}

/** Elements of a flat buffer for these leaves. */
export function flatElements(list: readonly { readonly size: number; readonly dtype: Tensor['dtype'] }[]): number {
  const bytes = bytesPerElement(list[0].dtype);
  return list.reduce((sum, { size }) => sum + slotBytes(size * bytes) / bytes, 0);
}

/** An unset flat buffer for the leaves of a tree. */
export function flatLike(list: readonly Tensor[]): Tensor {
  const [{ device, dtype }] = list;
  return empty(device, { shape: [flatElements(list)], dtype });
}

/** The tree whose leaves are views into a flat buffer, in the tree's own order. */
export function viewsOf<P extends Tree>(tree: P, buffer: Tensor): P {
  let offset = 0;
  return mapTree(tree, (leaf) => {
    const view = viewAt(buffer, offset, leaf.shape);
    offset += slotBytes(leaf.size * bytesPerElement(leaf.dtype));
    return view;
  });
}

/** Copies each tensor over the view of the same place; nothing is converted. */
export function copyIntoViews(views: readonly Tensor[], sources: readonly Tensor[]): void {
  views.forEach((view, i) => {
    const source = sources[i];
    const [to, from] = [view.storage.buffer.gpu, source.storage.buffer.gpu];
    if (!to || !from) return; // a forecast
    const bytes = Math.ceil((view.size * bytesPerElement(view.dtype)) / 4) * 4;
    view.device.recorder.copy({ from, fromOffset: source.offset, to, toOffset: view.offset, bytes });
  });
}

function viewAt(buffer: Tensor, offset: number, shape: Shape): Tensor {
  return adopt(new Tensor(buffer.storage.retain(), { shape, dtype: buffer.dtype }, undefined, { offset }));
}
