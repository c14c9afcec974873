/** What a report's folder remembers, so that the same command goes on after a cut. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Row, readRows } from '../row.ts';
import type { Found } from './stage.ts';

export interface TaskRecord {
  /** done, for good; left out for lack of time, or failed: both are tried again by the next run */
  readonly status: 'done' | 'left out' | 'failed';
  readonly seconds: number;
  readonly notes: readonly string[];
  readonly found?: Found | undefined;
}

interface State {
  readonly tasks: Record<string, TaskRecord>;
  /** how often a task was begun that never ended: the process died in it */
  readonly begun: Record<string, number>;
}

export interface Journal {
  readonly folder: string;
  record(id: string): TaskRecord | undefined;
  records(): Readonly<Record<string, TaskRecord>>;
  /** @returns how often it was begun before without an end */
  begin(id: string): number;
  end(id: string, record: TaskRecord): void;
  /** it was not begun this time; how often it was before stays */
  leaveOut(id: string, note: string): void;
  addRow(row: Row): void;
  /** of equal titles the last */
  rows(): Row[];
  file(name: string): string;
}

/** Opens the journal of a folder, made where it is not there. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const state: State = existsSync(file('state.json'))
    ? JSON.parse(readFileSync(file('state.json'), 'utf8'))
    : { tasks: {}, begun: {} };
  const save = () => {
    // a cut while it is written leaves the old one
    writeFileSync(file('state.json.new'), `${JSON.stringify(state, null, 1)}\n`);
    renameSync(file('state.json.new'), file('state.json'));
  };
  return {
    folder,
    file,
    record: (id) => state.tasks[id],
    records: () => state.tasks,
    begin(id) {
      const before = state.begun[id] ?? 0;
      state.begun[id] = before + 1;
      save();
      return before;
    },
    end(id, record) {
      state.tasks[id] = record;
      delete state.begun[id];
      save();
    },
    leaveOut(id, note) {
      state.tasks[id] = { status: 'left out', seconds: 0, notes: [note] };
      save();
    },
    addRow: (row) => appendFileSync(file('rows.jsonl'), `${JSON.stringify(row)}\n`),
    rows: () => (existsSync(file('rows.jsonl')) ? [...readRows(file('rows.jsonl')).values()] : []),
  };
}
