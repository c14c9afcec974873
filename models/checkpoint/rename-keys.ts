/** Renaming of a checkpoint's keys by a table that the user gives. */
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from './printable.ts';

/**
 * Name in the file → name in the network, or null to leave the tensor out. A name that ends in "*" stands for every name
 * that begins so; the "*" of the target stands for the rest: {"netG.*": "*", "optimizer.*": null}.
 */
export type Renames = Readonly<Record<string, string | null>>;

/** @returns the new name, null to leave it out; the longest matching rule wins */
function renameOne(name: string, rules: readonly [string, string | null][]): { to: string | null; rule?: string } {
  for (const [from, to] of rules) {
    if (from === name) return { to, rule: from };
    if (from.endsWith('*') && name.startsWith(from.slice(0, -1))) {
      // A function, so that "$" in a name means itself.
      return { to: to === null ? null : to.replace('*', () => name.slice(from.length - 1)), rule: from };
    }
  }
  return { to: name };
}

/**
 * Gives named things new names; the order stays.
 *
 * @param rename the new name, null to leave the thing out
 * @throws CheckpointError when two get the same name
 */
export function renameWith<T>(
  tensors: ReadonlyMap<string, T>,
  rename: (name: string) => string | null,
): Map<string, T> {
  const result = new Map<string, T>();
  for (const [name, tensor] of tensors) {
    const to = rename(name);
    if (to === null) continue;
    if (result.has(to)) {
      throw new CheckpointError(
        `renaming gives two tensors the name "${printable(to)}"; the second is "${printable(name)}" in the file. ` +
          'Check the table of --map.',
      );
    }
    result.set(to, tensor);
  }
  return result;
}

/**
 * Applies a table to named things.
 *
 * @returns what is left, under its new names, and the rules that met no name
 * @throws CheckpointError when two tensors get the same name
 */
export function renameKeys<T>(
  tensors: ReadonlyMap<string, T>,
  renames: Renames,
): { tensors: Map<string, T>; unused: string[] } {
  const rules = Object.entries(renames).sort(([a], [b]) => b.length - a.length);
  const used = new Set<string>();
  const renamed = renameWith(tensors, (name) => {
    const { to, rule } = renameOne(name, rules);
    if (rule !== undefined) used.add(rule);
    return to;
  });
  return { tensors: renamed, unused: rules.map(([from]) => from).filter((from) => !used.has(from)) };
}
