/** Tiny golden folders for the runner's own tests. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import type { CheckpointDType } from '../../models/checkpoint/tensor-map.ts';
import type { Case } from './manifest.ts';
import type { NumericArray, Value } from './values.ts';

/** A folder that goes away after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A case with nothing in it but what is given. */
export function goldenCase(parts: Partial<Case>): Case {
  return {
    name: 'case',
    kind: 'fixture/echo',
    file: null,
    config: {},
    inputs: {},
    params: null,
    expect: {},
    scalars: {},
    ...parts,
  };
}

export function writeTensors(folder: string, file: string, tensors: Record<string, Value>): void {
  const raw = Object.entries(tensors).map(([name, { shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype: dtypeOf(data), shape, bytes }] as const;
  });
  writeFileSync(join(folder, file), serialize(new Map(raw)));
}

export function writeManifest(folder: string, cases: Case[]): void {
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ format: 'golden/1', set: 'test', notes: {}, cases }));
}

function dtypeOf(data: NumericArray): CheckpointDType {
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Int32Array) return 'I32';
  return data instanceof Uint32Array ? 'U32' : 'U8';
}
