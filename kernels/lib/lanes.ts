import type { ElementType } from '../../engine/index.ts';

/** How many neighbouring values a thread takes at once. */
export type Lanes = 1 | 4;

export interface LaneTypes {
  readonly lanes: Lanes;
  /** ends the kernel's name: '' for one, '4' for four */
  readonly suffix: '' | '4';
  readonly T: Extract<ElementType, 'T' | 'T4'>;
  readonly U: Extract<ElementType, 'U' | 'U4'>;
  /** defines V, VT, VU, LANES, total, lane and highest for the kernel's text */
  readonly lib: URL;
}

/** One kernel text, written over V, as two kernels: of single values, and of vectors of four. */
export function perLanes<K>(make: (types: LaneTypes) => K): { readonly 1: K; readonly 4: K } {
  return {
    1: make({ lanes: 1, suffix: '', T: 'T', U: 'U', lib: new URL('./lanes1.wgsl', import.meta.url) }),
    4: make({ lanes: 4, suffix: '4', T: 'T4', U: 'U4', lib: new URL('./lanes4.wgsl', import.meta.url) }),
  };
}

/** Vectors of four where rows of `length` values start at multiples of four. */
export const lanesFor = (length: number): Lanes => (length % 4 === 0 ? 4 : 1);
