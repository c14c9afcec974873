import type { KernelProfile } from './profile.ts';
import type { Cost } from './recorder.ts';

/** What an adapter was measured to do: the two straight lines that bound every kernel. */
export interface Roofline {
  /** of a copy, reads and writes counted */
  readonly bytesPerSecond: number;
  /** multiply-adds in registers, two operations each */
  readonly flopsPerSecond: number;
  /** the same in half precision; kernels compute in f32, so this bounds none of ours */
  readonly halfFlopsPerSecond?: number;
  /** products of subgroup matrices summed in f32, where the adapter has them; beyond it lies no kernel that uses them */
  readonly matrixFlopsPerSecond?: number;
}

/** Seconds that no kernel of this cost can undercut: arithmetic at the peak, or memory at the bandwidth of a copy. */
export function roofSeconds(roofline: Roofline, { flops, bytes }: Cost): number {
  return Math.max(flops / roofline.flopsPerSecond, bytes / roofline.bytesPerSecond);
}

/** What a time means: throughput and the share of the roofline. */
export interface Throughput {
  readonly gflops: number;
  readonly gbs: number;
  /** 1 where a kernel is as fast as the roofline allows; above 1 where a cache beats the memory of the copy */
  readonly share: number;
}

export function throughputOf(roofline: Roofline, cost: Cost, seconds: number): Throughput {
  return {
    gflops: cost.flops / seconds / 1e9,
    gbs: cost.bytes / seconds / 1e9,
    share: roofSeconds(roofline, cost) / seconds,
  };
}

/** A kernel's profile with its throughput; NaN where there are no timestamps. */
export function withThroughput(roofline: Roofline, row: KernelProfile): KernelProfile & Throughput {
  return { ...row, ...throughputOf(roofline, row, row.ms / 1e3) };
}
