/** What `--profile` prints. */
import Table from 'cli-table3';
import {
  type Device,
  type KernelProfile,
  type OpProfile,
  type Profiler,
  type Roofline,
  withThroughput,
} from '../engine/index.ts';

/**
 * Ends a profile and puts it into words: finishes the device's work, measures its roofline, and returns the tables of
 * kernels and of ops.
 */
export async function profileReport(device: Device, profiler: Profiler): Promise<string> {
  await device.finish();
  device.recorder.profiler = undefined;
  const { measureRoofline } = await import('../kernels/roofline/roofline.ts');
  const kernels = await profiler.results();
  return profileTable(kernels, await measureRoofline(device)) + hostTable(profiler.ops());
}

/** Kernels by GPU time, with throughput and, where a roofline is given, the share of it. */
export function profileTable(kernels: readonly KernelProfile[], roofline?: Roofline): string {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const timed = !Number.isNaN(total);
  const head = ['kernel', 'calls', 'GPU ms', 'of all', 'GFLOP/s', 'GB/s', 'of roofline'];
  const table = newTable(head);
  const unknown = { bytesPerSecond: Number.NaN, flopsPerSecond: Number.NaN };
  for (const kernel of kernels) {
    const { calls, ms, gflops, gbs, share } = withThroughput(roofline ?? unknown, kernel);
    table.push([
      kernel.kernel,
      calls,
      number(ms, 2),
      percent(ms / total),
      number(gflops, 1),
      number(gbs, 1),
      percent(share),
    ]);
  }
  const calls = kernels.reduce((sum, kernel) => sum + kernel.calls, 0);
  const lines = [
    table.toString(),
    timed
      ? `${number(total, 1)} ms on the GPU in ${calls} dispatches.`
      : `${calls} dispatches; this adapter has no timestamps, so GPU time is unknown.`,
    ...(roofline ? [rooflineLine(roofline)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Ops by host time: shape rules, memory and recording, gradients included. */
export function hostTable(ops: readonly OpProfile[]): string {
  const table = newTable(['op', 'calls', 'host ms', 'host µs a call']);
  for (const { op, calls, hostMs } of ops) {
    table.push([op, calls, number(hostMs, 2), number((hostMs * 1e3) / calls, 1)]);
  }
  return `${table.toString()}\n`;
}

/** The measured roofline in one line. */
export function rooflineLine(roofline: Roofline): string {
  const { bytesPerSecond, flopsPerSecond, halfFlopsPerSecond, matrixFlopsPerSecond } = roofline;
  const half = halfFlopsPerSecond === undefined ? '' : `, ${number(halfFlopsPerSecond / 1e9, 0)} in f16`;
  const matrix =
    matrixFlopsPerSecond === undefined ? '' : `, ${number(matrixFlopsPerSecond / 1e9, 0)} with subgroup matrices`;
  return (
    `Roofline of this adapter, measured: ${number(bytesPerSecond / 1e9, 1)} GB/s copied, ` +
    `${number(flopsPerSecond / 1e9, 0)} GFLOP/s multiply-add in f32${half}${matrix}.`
  );
}

/** A table without colours, numbers to the right. */
export function newTable(head: string[]): InstanceType<typeof Table> {
  return new Table({
    head,
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
}

export function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(0)} %` : '-';
}
