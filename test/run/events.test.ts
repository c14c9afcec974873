import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../train/run/crc32c.ts';
import { openEvents, truncateEvents } from '../../train/run/events.ts';
import { scratch } from './support.ts';

let folder: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  folder = await scratch();
});
afterAll(() => folder.remove());

const ascii = (text: string) => new TextEncoder().encode(text);

/** A reader of its own, from the formats' descriptions: fields of a message by number. */
function fields(message: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const found = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
      shift += 7n;
    }
  };
  while (at < message.length) {
    const key = varint();
    let value: number | Uint8Array;
    if ((key & 7) === 0) value = varint();
    else if ((key & 7) === 1) [value, at] = [view.getFloat64(at, true), at + 8];
    else if ((key & 7) === 5) [value, at] = [view.getFloat32(at, true), at + 4];
    else {
      const length = varint();
      value = message.subarray(at, at + length);
      at += length;
    }
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}

async function readEvents(path: string): Promise<Map<number, (number | Uint8Array)[]>[]> {
  const [name] = (await readdir(path)).filter((one) => one.startsWith('events.out.tfevents.'));
  const file = new Uint8Array(await readFile(join(path, name)));
  const view = new DataView(file.buffer, file.byteOffset);
  const events = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(view.getUint32(at + 8, true)).toBe(maskedCrc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 12 + length, true)).toBe(maskedCrc32c(data));
    events.push(fields(data));
    at += 16 + length;
  }
  return events;
}

describe('the checksum', () => {
  it('is CRC-32C, by the examples of RFC 3720', () => {
    expect(crc32c(ascii('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it('is masked as TensorFlow masks it', () => {
    const crc = crc32c(ascii('foo'));
    const masked = maskedCrc32c(ascii('foo'));
    const rotated = (masked - 0xa282ead8) >>> 0;
    expect(((rotated >>> 17) | (rotated << 15)) >>> 0).toBe(crc);
  });
});

describe('event files', () => {
  it('hold the version, scalars and pictures', async () => {
    const path = join(folder.path, 'a');
    const writer = openEvents(path, () => 1_700_000_000_500);
    const png = Uint8Array.from({ length: 300 }, (_, i) => i);
    writer.write({ wallTime: 12.5, step: 300_000_000_000, scalars: { 'loss/a': 0.25, lr: -3 } });
    writer.write({ wallTime: 13, step: 7, images: { samples: { width: 640, height: 480, png } } });
    writer.close();
    const [version, scalars, images] = await readEvents(path);
    expect(version.get(1)).toEqual([1_700_000_000.5]);
    expect(version.get(3)).toEqual([ascii('brain.Event:2')]);
    expect([scalars.get(1), scalars.get(2)]).toEqual([[12.5], [300_000_000_000]]);
    const values = fields(scalars.get(5)?.[0] as Uint8Array).get(1) as Uint8Array[];
    expect(values.map((value) => [...fields(value)])).toEqual([
      [
        [1, [ascii('loss/a')]],
        [2, [0.25]],
      ],
      [
        [1, [ascii('lr')]],
        [2, [-3]],
      ],
    ]);
    const [picture] = fields(images.get(5)?.[0] as Uint8Array).get(1) as Uint8Array[];
    const image = fields(fields(picture).get(4)?.[0] as Uint8Array);
    expect([1, 2, 3, 4].map((field) => image.get(field)?.[0])).toEqual([480, 640, 3, png]);
  });

  it('are cut off after the step that is resumed, torn ends with them', async () => {
    const path = join(folder.path, 'b');
    const writer = openEvents(path);
    for (const step of [5, 10, 15]) writer.write({ wallTime: 1, step, scalars: { x: step } });
    writer.close();
    const [name] = await readdir(path);
    await appendFile(join(path, name), Buffer.from([1, 2, 3]));
    await truncateEvents(path, 10);
    expect((await readEvents(path)).map((event) => event.get(2)?.[0])).toEqual([undefined, 5, 10]);
    await truncateEvents(path, 4);
    expect(await readdir(path)).toEqual([]);
  });
});
