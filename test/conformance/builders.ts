/** Every builder by the kind of case that it answers. A kind that is not here is unsupported. */

import type { Builder } from './context.ts';
import { capVstnet } from './kinds/cap-vstnet.ts';
import { evaluation } from './kinds/evaluation.ts';
import { gaugan } from './kinds/gaugan.ts';

export const builders: Readonly<Record<string, Builder>> = { ...capVstnet, ...evaluation, ...gaugan };
