/** The lines that the runner prints. */

import type { CaseReport } from './run-case.ts';

const SHOWN_FAILURES = 12;

/** `pass|FAIL|unsupported  kind/name  worst error / tolerance`, and below a FAIL the entries that failed. */
export function formatCase(report: CaseReport): string {
  const title = `${report.status.padEnd(11)}  ${report.kind}/${report.name}`;
  if (report.status === 'unsupported') return title;
  const lines = [`${title}  ${formatRatio(report.worst)}${report.worstEntry ? ` (${report.worstEntry})` : ''}`];
  if (report.error) lines.push(indent(report.error));
  const failed = report.entries.filter((entry) => !entry.pass);
  for (const entry of failed.slice(0, SHOWN_FAILURES)) {
    lines.push(indent(`${entry.entry}: ${formatRatio(entry.ratio)}, ${entry.reason}`));
  }
  if (failed.length > SHOWN_FAILURES) lines.push(indent(`… and ${failed.length - SHOWN_FAILURES} more`));
  return lines.join('\n');
}

/** `12 passed, 0 failed, 3 unsupported of 15 cases` */
export function formatSummary(reports: readonly CaseReport[]): string {
  const count = (status: CaseReport['status']) => reports.filter((report) => report.status === status).length;
  return (
    `${count('pass')} passed, ${count('FAIL')} failed, ${count('unsupported')} unsupported ` +
    `of ${reports.length} cases`
  );
}

function formatRatio(ratio: number): string {
  if (Number.isNaN(ratio)) return '-';
  if (ratio === 0) return '0';
  return Number.isFinite(ratio) ? ratio.toPrecision(3) : 'inf';
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
