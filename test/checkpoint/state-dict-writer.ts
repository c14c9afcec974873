import * as p from './pickle-writer.ts';
import { torchZip } from './zip-writer.ts';

export type StateDict = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

/** A state dict as PyTorch saves it. */
export function torchFile(tensors: StateDict): Uint8Array {
  const entries = [...tensors];
  const object = p.dict(
    Object.fromEntries(
      entries.map(([name, { shape, values: own }], i) => [name, p.tensor(p.storage(`${i}`, own.length), shape)]),
    ),
  );
  return torchZip(p.pickle(object), Object.fromEntries(entries.map(([, { values: own }], i) => [`${i}`, own])));
}
