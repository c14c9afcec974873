/** What a network keeps: parameters that are trained, and buffers that its forward passes move. */
import { copyLeaves, type DType, leaves, type Tensor, type Tree, treeOf } from '../../engine/index.ts';

const BUFFERS = /(^|\.)(weight_u|weight_v|running_mean|running_var|num_batches_tracked)$/;

/** Whether a state-dict key names a buffer, by PyTorch's names. */
export const isBuffer = (key: string): boolean => BUFFERS.test(key);

/** A state tree in two: what an optimiser trains, and what passes move. Both share their leaves with the whole. */
export function splitState(state: Tree): { params: Tree; buffers: ReadonlyMap<string, Tensor> } {
  const all = leaves(state);
  return {
    params: treeOf(all.filter(([key]) => !isBuffer(key))),
    buffers: new Map(all.filter(([key]) => isBuffer(key))),
  };
}

/** The whole again, parameters first. */
export function joinState(params: Tree, buffers: ReadonlyMap<string, Tensor>): Tree {
  return treeOf([...leaves(params), ...buffers]);
}

/** Replaces a buffer's values, in order with the work recorded around it. No tape sees it. */
export function moveBuffer(buffer: Tensor, value: Tensor): void {
  copyLeaves(buffer, value);
}

/** How a forward pass is made. */
export interface Mode {
  /**
   * true: normalise with the statistics of the batch, take a power iteration a spectral norm, and store both, as
   * PyTorch's modules do in training; false: leave every buffer as it is
   */
  readonly training: boolean;
  /** compute the inside of blocks again in the reverse sweep instead of keeping it, where a network can; false */
  readonly recompute?: boolean | undefined;
  /** storage type of what flows between layers: f32; weights, statistics and a network's results keep their own */
  readonly dtype?: DType | undefined;
}
