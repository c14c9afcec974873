import type { Environment } from '../environment.ts';
import type { Row } from '../row.ts';
import type { PeerCase } from './cases.ts';

/** A row of a result file; the pass is the library. */
export type PeerRow = TimedPeer | UntimedPeer;

interface Named extends Pick<Row, 'op' | 'sample' | 'pass' | 'dtype'> {
  readonly suite: 'peers';
  readonly version: string;
}

export type TimedPeer = Named &
  Row & {
    /** largest difference from our result, as a share of the largest value; absent where it was not compared */
    readonly error?: number;
    readonly status?: undefined;
  };

export type UntimedPeer = Named &
  Environment & {
    readonly status: 'wrong' | 'failed' | 'left out';
    readonly reason: string;
  };

export function titleOfCase({ family, sample }: PeerCase, library: string) {
  return { op: family, sample, pass: library, dtype: 'f32' as const };
}
