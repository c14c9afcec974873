/** A file (or bytes in memory) that is read in ranges, every one of them checked against its size first. */
import { open, stat } from 'node:fs/promises';
import { CheckpointError } from '../../engine/errors.ts';

export interface RandomAccess {
  readonly name: string;
  readonly size: number;
  /** A fresh copy, or a view that nobody writes to. @throws CheckpointError when the range reaches past the end */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
    throw new CheckpointError(
      `${name}: expected ${length} bytes at offset ${offset}, but the file ends at ${size}.\n` +
        'It is truncated or damaged; get it again from its source.',
    );
  }
}

export function inMemory(bytes: Uint8Array, name = 'checkpoint'): RandomAccess {
  const size = bytes.byteLength;
  return {
    name,
    size,
    readAt: async (offset, length) => {
      checkRange(name, size, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    close: async () => {},
  };
}

/** Linux reads at most 2 GiB at once. */
const MAX_READ = 1 << 30;

/**
 * Opens a file for reading in ranges.
 *
 * @throws Error with a `code` (ENOENT, EACCES, EISDIR) when there is no such file or it cannot be read
 */
export async function openFile(path: string): Promise<RandomAccess> {
  const status = await stat(path);
  if (!status.isFile()) {
    throw Object.assign(new Error(`${path}: expected a file, but it is a folder or device. Name a file in it.`), {
      code: 'EISDIR',
    });
  }
  const handle = await open(path, 'r');
  const { size } = status;
  return {
    name: path,
    size,
    readAt: async (offset, length) => {
      checkRange(path, size, offset, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, MAX_READ), offset + done);
        if (bytesRead === 0) checkRange(path, offset + done, offset, length);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}
