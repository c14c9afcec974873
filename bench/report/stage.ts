import type { Device, Roofline } from '../../engine/index.ts';
import type { Environment } from '../environment.ts';
import type { Row } from '../row.ts';
import type { Journal } from './journal.ts';

/** What a task has to work with. */
export interface TaskContext {
  /** a device that works; another one after the last was lost */
  readonly device: () => Promise<Device>;
  /** gives the device and its memory back, to whom else needs it; or because it is not to be used again */
  readonly release: () => void;
  /** of the adapter, measured once a report */
  readonly measured: () => { readonly roofline: Roofline; readonly environment: Environment };
  readonly journal: Journal;
  /** seconds that the task may take */
  readonly seconds: number;
  readonly onRow: (row: Row) => void;
  /** what a reader should know of the task: what it left out, and why */
  readonly note: (line: string) => void;
}

/** What a task ends with: suites count tests, others have rows alone. */
export type Found = Readonly<Record<string, unknown>>;

/** The least that is done at once and remembered. */
export interface Task {
  /** unlike any other's of the report, and the same in the next run */
  readonly id: string;
  /** seconds that it needs about: with less left it is not begun */
  readonly estimate: number;
  readonly run: (context: TaskContext) => Promise<Found | undefined>;
}

export interface Stage {
  readonly name: string;
  /** of the time, among the stages that have work left */
  readonly share: number;
  /** tasks that run at the same time, none of which may use the device of this process; one where it is left out */
  readonly atOnce?: number;
  readonly tasks: readonly Task[];
}
