/**
 * A plain pickle of names and numpy arrays, as Jittor saves it: the pickle, then (from its own `save`) the SHA-1 of the
 * pickle and an 8-byte tag.
 */
import { createHash } from 'node:crypto';
import { unpickle } from './pickle.ts';
import { allowedGlobal } from './pickle-globals.ts';
import { damaged, forbidden, type Value } from './pickle-values.ts';
import type { RandomAccess } from './random-access.ts';

const TAG = new TextEncoder().encode('HCAJSLHD');
const TRAILER_BYTES = 20 + TAG.byteLength;

/** @throws CheckpointError when the file is damaged or asks for anything but data */
export async function readPlainPickle(file: RandomAccess): Promise<Value> {
  const bytes = await file.readAt(0, file.size);
  const tagged = TAG.every((byte, i) => bytes[bytes.byteLength - TAG.byteLength + i] === byte);
  const body = tagged ? bytes.subarray(0, bytes.byteLength - TRAILER_BYTES) : bytes;
  if (tagged) {
    const digest = createHash('sha1').update(body).digest();
    if (!digest.every((byte, i) => bytes[body.byteLength + i] === byte)) {
      throw damaged('the SHA-1 at the end is not that of the pickle');
    }
  }
  const persistent = () => {
    throw forbidden('it refers to something outside the file');
  };
  const { value, end } = unpickle(body, { global: allowedGlobal, persistent });
  if (end !== body.byteLength) throw damaged(`${body.byteLength - end} bytes follow the object`);
  return value;
}
