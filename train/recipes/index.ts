/** The systems that `miaobi train` knows. Another one is another line here. */
import { capVstnet } from './cap-vstnet-system.ts';
import type { System } from './system.ts';

export const SYSTEMS: readonly System[] = [capVstnet];
