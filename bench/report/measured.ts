/** Adapter, machine and roofline: measured once a report, and the key of its folder. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Device, Roofline } from '../../engine/index.ts';
import { measureRoofline } from '../../kernels/index.ts';
import { linesOfChild, ROOT } from '../child.ts';
import { type Environment, environmentOf } from '../environment.ts';
import { watchClock } from '../gpu-clock.ts';

export interface Measured {
  readonly environment: Environment;
  readonly roofline: Roofline;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** subgroup widths and matrices among them */
  readonly capabilities: Device['capabilities'];
  readonly memoryBytes: number;
  /** of the sources that decide what is measured */
  readonly sources: string;
  /** what the vendor's own tool says of the card; empty where there is none */
  readonly card: readonly string[];
}

export async function measureAdapter(device: Device): Promise<Measured> {
  watchClock(device);
  const roofline = await measureRoofline(device);
  const { features, limits } = device.gpu;
  return {
    environment: environmentOf(device, roofline),
    roofline,
    features: [...features].sort(),
    limits: numbersOf(limits),
    // the adapter's own objects keep their fields to themselves when they are written
    capabilities: {
      ...device.capabilities,
      subgroupMatrix: device.capabilities.subgroupMatrix.map(({ componentType, resultComponentType, M, N, K }) => ({
        componentType,
        resultComponentType,
        M,
        N,
        K,
      })),
    },
    memoryBytes: totalmem(),
    sources: sourceDigest(),
    card: device.info.software ? [] : await cardLines(),
  };
}

/** Limits are getters of a prototype. */
function numbersOf(limits: GPUSupportedLimits): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') found[name] = value;
  }
  return found;
}

const CARD_FACTS = 'name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit,pstate';

async function cardLines(): Promise<string[]> {
  const lines: string[] = [];
  const query = [`--query-gpu=${CARD_FACTS}`, '--format=csv'];
  await linesOfChild('nvidia-smi', query, { seconds: 10, onLine: (line) => lines.push(line) }).catch(() => undefined);
  return lines;
}

const SOURCES = ['engine', 'kernels', 'models', 'train', 'bench', 'test'];

/** Eight hex digits of everything that is tested and timed: a commit with changes on it does not say what was measured. */
export function sourceDigest(): string {
  const hash = createHash('sha256');
  for (const layer of SOURCES) {
    const names = readdirSync(join(ROOT, layer), { recursive: true, encoding: 'utf8' }).sort();
    for (const name of names) {
      if (!/\.(ts|wgsl|py)$|^lib\/variants\.json$/.test(name) || name.includes('node_modules')) continue;
      hash.update(name).update(readFileSync(join(ROOT, layer, name)));
    }
  }
  return hash.digest('hex').slice(0, 8);
}

/** The folder of an adapter and a state of the sources: `nvidia-h100-bcf2de8`, with the digest where the commit is not all. */
export function folderName({ adapter, commit }: { adapter: string; commit: string }, sources: string): string {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
  const exact = /^[0-9a-f]+$/.test(commit);
  return `${plain(adapter).slice(0, 40)}-${plain(commit)}${exact ? '' : `-${sources}`}`;
}
