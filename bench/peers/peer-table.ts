import { newTable, number } from '../../cli/profile-table.ts';
import type { PeerRow, TimedPeer } from './peer-row.ts';

/** Which clock a table is made of: that of the wall, or the time of all threads on cores. */
export type Clock = 'wall' | 'cpu';

const timeOf = (row: TimedPeer, clock: Clock) => (clock === 'cpu' ? (row.cpuUs ?? Number.NaN) : row.us);

/** A line a case: our time, and beside it how many times as long each library takes. */
export function peerTable(rows: readonly PeerRow[], clock: Clock): string {
  const libraries = [...new Set(rows.map(({ pass }) => pass))];
  const [ours, ...others] = libraries;
  const table = newTable(['case', `${ours} ms`, ...others]);
  for (const [title, group] of groupsOf(rows)) {
    const own = group.find(({ pass }) => pass === ours);
    const base = own && !own.status ? timeOf(own, clock) : Number.NaN;
    table.push([title, number(base / 1e3, 2), ...others.map((name) => cellOf(group, name, base, clock))]);
  }
  return `${table.toString()}\n`;
}

function cellOf(group: readonly PeerRow[], name: string, base: number, clock: Clock): string {
  const row = group.find(({ pass }) => pass === name);
  if (!row) return '';
  return row.status ? row.status : `${number(timeOf(row, clock) / base, 2)} x`;
}

/** Rows by case, in the order of their coming. */
export function groupsOf(rows: readonly PeerRow[]): Map<string, PeerRow[]> {
  const groups = new Map<string, PeerRow[]>();
  for (const row of rows) {
    const title = `${row.op} · ${row.sample}`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return groups;
}

/** The fastest of the other libraries against ours, a line a case where one of them wins. */
export function lostTo(rows: readonly PeerRow[], clock: Clock): string[] {
  const lines: string[] = [];
  for (const [title, [own, ...others]] of groupsOf(rows)) {
    if (own.status) continue;
    for (const other of others) {
      if (other.status || timeOf(other, clock) >= timeOf(own, clock)) continue;
      const times = timeOf(own, clock) / timeOf(other, clock);
      lines.push(`${title}: ${other.pass} is ${number(times, 2)} times as fast`);
    }
  }
  return lines;
}
