/** A file of any size that is zero but for some parts, and counts what is read of it. */
import type { RandomAccess } from '../../train/checkpoint/random-access.ts';

export function sparse(size: number, parts: ReadonlyMap<number, Uint8Array>) {
  let read = 0;
  const file: RandomAccess = {
    name: 'sparse',
    size,
    readAt: async (offset, length) => {
      if (offset + length > size) throw new Error(`read of ${length} at ${offset} in a file of ${size}`);
      read += length;
      const bytes = new Uint8Array(length);
      for (const [at, part] of parts) {
        const [begin, end] = [Math.max(offset, at), Math.min(offset + length, at + part.length)];
        if (begin < end) bytes.set(part.subarray(begin - at, end - at), begin - offset);
      }
      return bytes;
    },
    close: async () => {},
  };
  return { file, bytesRead: () => read };
}
