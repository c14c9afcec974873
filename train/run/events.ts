/** The `events` folder of a run, as TensorBoard reads it. */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  frameRecord,
  readRecords,
  type SummaryEvent,
  stepOfEvent,
  summaryEvent,
  versionEvent,
} from './event-format.ts';

export interface EventWriter {
  write(event: SummaryEvent): void;
  /** what was written survives a power cut */
  sync(): void;
  close(): void;
}

const PREFIX = 'events.out.tfevents';

/** Opens a new event file in `folder`, which is made when missing; TensorBoard joins the files of a folder. */
export function openEvents(folder: string, now: () => number = Date.now): EventWriter {
  mkdirSync(folder, { recursive: true });
  const seconds = now() / 1000;
  const name = `${PREFIX}.${String(Math.floor(seconds)).padStart(10, '0')}.${hostname()}.${process.pid}.0`;
  const file = openSync(join(folder, name), 'a');
  writeWhole(file, frameRecord(versionEvent(seconds)));
  return {
    write: (event) => writeWhole(file, frameRecord(summaryEvent(event))),
    sync: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}

/**
 * Cuts off what the event files hold beyond a step, and torn ends. Steps only grow within a file, so a cut is enough.
 * Files that are left with nothing go.
 */
export async function truncateEvents(folder: string, step: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(PREFIX))) {
    const path = join(folder, name);
    const file = await readFile(path);
    let [end, records] = [0, 0];
    for (const record of readRecords(file)) {
      if (stepOfEvent(record.data) > step) break;
      end = record.end;
      records++;
    }
    if (records <= 1) await rm(path);
    else if (end < file.byteLength) await truncate(path, end);
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done);
}
