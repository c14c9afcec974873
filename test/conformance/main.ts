/**
 * Runs every case of every golden manifest under the given folders against this implementation.
 *
 *     tsx test/conformance/main.ts DIR... [--filter TEXT] [--json FILE] [--allow-unsupported]
 *
 * Prints one line a case; exit 0 only when nothing failed and nothing was unsupported, 1 otherwise, 2 for wrong usage.
 */

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { builders } from './builders.ts';
import { closeSharedDevice } from './device.ts';
import { findManifests, readManifest } from './manifest.ts';
import { formatCase, formatSummary } from './report.ts';
import { type CaseReport, runCase } from './run-case.ts';

const USAGE = 'Usage: npm run conformance -- DIR... [--filter TEXT] [--json FILE] [--allow-unsupported]';

class UsageError extends Error {}

/** @returns the exit code */
export async function main(argv: string[], print: (line: string) => void = console.log): Promise<number> {
  const { folders, filter, json, allowUnsupported } = readArguments(argv);
  const reports = await runAll(folders, filter, print).finally(closeSharedDevice);
  if (reports.length === 0) {
    throw new UsageError(
      `Expected at least one golden case, but ${folders.join(', ')} holds none` +
        `${filter ? ` whose kind/name contains "${filter}"` : ''}. Name a folder with a manifest.json, or loosen --filter.`,
    );
  }
  print(formatSummary(reports));
  if (json) writeFileSync(json, `${JSON.stringify(reports, jsonNumbers, 1)}\n`);
  const forgiven = allowUnsupported ? ['pass', 'unsupported'] : ['pass'];
  return reports.every((report) => forgiven.includes(report.status)) ? 0 : 1;
}

async function runAll(folders: string[], filter: string, print: (line: string) => void): Promise<CaseReport[]> {
  const reports: CaseReport[] = [];
  for (const manifest of folders.flatMap(findManifests)) {
    const { folder, cases } = readManifest(manifest);
    for (const golden of cases) {
      if (!`${golden.kind}/${golden.name}`.includes(filter)) continue;
      const report = await runCase(golden, folder, builders);
      reports.push(report);
      print(formatCase(report));
    }
  }
  return reports;
}

function readArguments(argv: string[]) {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { positionals: folders, values } = parsed;
  if (folders.length === 0) throw new UsageError('Expected at least one folder of golden data, but none came.');
  for (const folder of folders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory()) {
      throw new UsageError(`Expected a folder of golden data, but ${folder} is none. Check the path.`);
    }
  }
  return {
    folders,
    filter: values.filter ?? '',
    json: values.json,
    allowUnsupported: values['allow-unsupported'] ?? false,
  };
}

function parse(argv: string[]) {
  return parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      filter: { type: 'string' },
      json: { type: 'string' },
      'allow-unsupported': { type: 'boolean' },
    },
  });
}

/** JSON has no NaN or infinity: they become strings. */
function jsonNumbers(_key: string, item: unknown): unknown {
  return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  }
}
