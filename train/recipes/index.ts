/** The systems that `miaobi train` knows. Another one is another line here; it is loaded when it is asked for. */
import type { SystemEntry } from './system.ts';

export const SYSTEMS: readonly SystemEntry[] = [
  { model: 'cap-vstnet', load: async () => (await import('./cap-vstnet-system.ts')).capVstnet },
  { model: 'gaugan', inference: ['G', 'E'], load: async () => (await import('./gaugan-system.ts')).gaugan },
];
