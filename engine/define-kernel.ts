import type * as d from 'typegpu/data';
import { memoryLayoutOf } from 'typegpu/data';
import type { BoundBuffer } from './bind-groups.ts';
import type { Capabilities, Device } from './device/device.ts';
import { DTypeError, GpuValidationError, invariant, LimitError } from './errors.ts';
import type { PipelineEntry, ShaderSource } from './pipelines.ts';
import type { Cost } from './recorder.ts';
import { type StorageTypes, sourceOf } from './shader-source.ts';
import { bytesPerElement, type DType, slotBytes, type Tensor } from './tensor.ts';

/**
 * WGSL element types of a binding. `T` and `U` are the storage types of tensors; `T4` and `U4` vectors of four; `T16` is
 * 16 bytes of T, which `first`, `second` and `packed` take apart and put together: four f32 or eight f16.
 */
export type ElementType =
  | 'T'
  | 'T4'
  | 'T16'
  | 'U'
  | 'U4'
  | 'f32'
  | 'vec2f'
  | 'vec3f'
  | 'vec4f'
  | 'u32'
  | 'vec2u'
  | 'vec4u';

export interface Binding {
  readonly access: 'read' | 'write' | 'readWrite';
  readonly type: ElementType;
  /** the key that says whether the binding is there; it is then read through `<name>At(i)`, 0 when absent */
  readonly when?: string;
}

export const read = (type: ElementType): Binding => ({ access: 'read', type });
export const write = (type: ElementType): Binding => ({ access: 'write', type });
export const readWrite = (type: ElementType): Binding => ({ access: 'readWrite', type });
export const optional = (binding: Binding, when: string): Binding => ({ ...binding, when });

/** Scalars only, so that there is no padding to reason about. */
type ScalarSchema = d.U32 | d.I32 | d.F32;
export type ParamsSchema = d.WgslStruct<Record<string, ScalarSchema>>;
export type ParamsOf<S extends ParamsSchema> = { [K in keyof S['propTypes']]: number };

/** Values that specialise a kernel at compile time. Flags are 0 and 1. */
export type Key<K extends string> = { readonly [name in K]: number };

export type Grid = number | readonly [number, number, number];

export interface KernelDefinition<S extends ParamsSchema, B extends string, K extends string> {
  /** `room.variant` */
  name: string;
  wgsl: URL;
  /** shared functions, by the name of their file in `kernels/lib` */
  lib?: readonly URL[];
  params: S;
  bindings: { readonly [name in B]: Binding };
  /** every value that each key may take: what the shader lint compiles */
  keys?: { readonly [name in K]: readonly number[] };
  /** combinations of keys that do occur; all by default */
  valid?: (key: Key<K>) => boolean;
  /** storage types that the kernel is launched with; all by default */
  storage?: (types: StorageTypes) => boolean;
  /** the kernel uses subgroup operations of a fixed width, `SG` lanes */
  subgroups?: boolean;
  /** subgroup widths that a key of such a kernel serves; all by default */
  widths?: (width: number, key: Key<K>) => boolean;
  /** the kernel uses subgroup matrices */
  subgroupMatrix?: boolean;
  /** more than WebGPU's defaults: the engine refuses to launch where it is false */
  needs?: (capabilities: Capabilities, key: Key<K>) => boolean;
  /** workgroups: a number is folded into x and y */
  grid: (params: ParamsOf<S>, key: Key<K>, capabilities: Capabilities) => Grid;
  cost: (params: ParamsOf<S>, bytes: number, key: Key<K>) => Cost;
}

export interface Kernel<S extends ParamsSchema = ParamsSchema, B extends string = string, K extends string = string> {
  readonly name: string;
  readonly definition: KernelDefinition<S, B, K>;
  /**
   * Appends one dispatch to the recorder of the tensors' device. Absent optional bindings are left out.
   *
   * @throws LimitError where the device cannot run this kernel
   */
  launch(
    tensors: { readonly [name in B]?: Tensor | undefined },
    params: ParamsOf<S>,
    ...key: [K] extends [never] ? [] : [Key<K>]
  ): void;
}

/** Any kernel, whatever its bindings and keys. */
// biome-ignore lint/suspicious/noExplicitAny: a list of kernels holds every instantiation
export type AnyKernel = Kernel<any, any, any>;

const kernels: AnyKernel[] = [];

/** Every kernel defined so far, for the shader lint. */
export function allKernels(): readonly AnyKernel[] {
  return kernels;
}

/**
 * Declares a kernel: a `.wgsl` body under a generated header. The header holds the key's constants, the aliases `T`,
 * `T4` (`U`, `U4`) of the storage types, the params struct, the bindings, and `groupIndex`. Params, key and bindings
 * are known to both sides by the same names.
 */
export function defineKernel<S extends ParamsSchema, const B extends string, const K extends string = never>(
  definition: KernelDefinition<S, B, K>,
): Kernel<S, B, K> {
  const names = Object.keys(definition.bindings) as B[];
  const keyNames = Object.keys(definition.keys ?? {}) as K[];
  const pack = packer(definition.params);
  const compiled = new WeakMap<Device, Map<string, PipelineEntry>>();

  function entryFor(device: Device, types: StorageTypes, key: Key<K>): PipelineEntry {
    let entries = compiled.get(device);
    if (!entries) {
      entries = new Map();
      compiled.set(device, entries);
    }
    const id = idOf(types, key);
    let entry = entries.get(id);
    if (!entry) {
      checkNeeds(definition as unknown as AnyKernel['definition'], device, key);
      entry = device.pipeline(sourceFor(device, types, key));
      entries.set(id, entry);
    }
    return entry;
  }

  function idOf(types: StorageTypes, key: Key<K>): string {
    let id = `${types.T}${types.U}`;
    for (const name of keyNames) id += `,${key[name]}`;
    return id;
  }

  function sourceFor({ capabilities }: Device, types: StorageTypes, key: Key<K>): ShaderSource {
    return sourceOf(kernel, types, key, capabilities.subgroupWidth, capabilities.asksForWidth);
  }

  const kernel: Kernel<S, B, K> = {
    name: definition.name,
    definition,
    launch(tensors, params, ...rest) {
      const key = (rest[0] ?? {}) as Key<K>;
      const bound: { name: B; tensor: Tensor; binding: Binding }[] = [];
      for (const name of names) {
        const binding = definition.bindings[name];
        if (binding.when && !key[binding.when as K]) continue;
        const tensor = tensors[name];
        invariant(tensor, `${definition.name}: binding ${name} has no tensor`);
        bound.push({ name, tensor, binding });
      }
      const { device } = bound[0].tensor;
      const types = storageTypes(definition.name, bound);
      const cost = definition.cost(params, bytesPerElement(types.T), key);
      if (device.forecasting) {
        device.forecasting.dispatches++;
        device.forecasting.flops += cost.flops;
        device.forecasting.bytes += cost.bytes;
        const id = idOf(types, key);
        device.forecasting.pipelines.set(`${definition.name} ${id}`, {
          known: compiled.get(device)?.has(id) ?? false,
          source: () => sourceFor(device, types, key),
          entry: () => entryFor(device, types, key),
        });
        return;
      }
      const entry = entryFor(device, types, key);
      const grid = foldGrid(definition.name, definition.grid(params, key, device.capabilities));
      const buffers = bound.map(({ tensor }) => boundBuffer(tensor));
      if (device.debug) checkAliases(definition.name, bound);
      const group = device.bindGroup(entry.access, entry.layout, buffers);
      const slot = device.recorder.nextParams();
      pack(params, slot.offset, slot);
      device.recorder.dispatch({ kernel: definition.name, entry, group, params: slot, grid, cost });
    },
  };
  kernels.push(kernel as unknown as AnyKernel);
  return kernel;
}

/** Views into a flat buffer are bound with the padding of their slot, so that a last vec4 may run past their end. */
function boundBuffer({ storage, offset, size, dtype, view }: Tensor): BoundBuffer {
  if (!view) return { buffer: storage.buffer, offset: 0, size: undefined };
  return { buffer: storage.buffer, offset, size: slotBytes(size * bytesPerElement(dtype)) };
}

function storageTypes(
  name: string,
  bound: readonly { name: string; tensor: Tensor; binding: Binding }[],
): StorageTypes {
  const types: { T?: DType; U?: DType } = {};
  for (const {
    name: binding,
    tensor,
    binding: { type },
  } of bound) {
    if (type[0] === 'T' || type[0] === 'U') {
      const letter = type[0];
      types[letter] ??= tensor.dtype;
      if (types[letter] !== tensor.dtype) {
        throw new DTypeError(
          `${name}: expected ${binding} to be ${types[letter]} like the other inputs, got ${tensor.dtype}. Convert it with cast().`,
        );
      }
    } else if (
      (type === 'u32' || type === 'vec2u' || type === 'vec4u') !== (tensor.dtype === 'u32') ||
      tensor.dtype === 'f16'
    ) {
      throw new DTypeError(`${name}: expected ${binding} to hold ${type}, got a tensor of ${tensor.dtype}.`);
    }
  }
  const T = types.T ?? 'f32';
  return { T, U: types.U ?? T };
}

function checkAliases(name: string, bound: readonly { name: string; tensor: Tensor; binding: Binding }[]): void {
  for (const a of bound) {
    for (const b of bound) {
      if (a === b || (a.binding.access === 'read' && b.binding.access === 'read')) continue;
      invariant(
        a.tensor.storage.buffer.id !== b.tensor.storage.buffer.id,
        `${name}: ${a.name} and ${b.name} share a buffer and one of them is written`,
      );
    }
  }
}

function checkNeeds(definition: AnyKernel['definition'], device: Device, key: Key<string>): void {
  const { capabilities } = device;
  if (definition.subgroups && capabilities.subgroupWidth === 0) {
    throw new LimitError(
      `${definition.name}: needs subgroups of a fixed width, which ${device.info.description} lacks.`,
    );
  }
  if (definition.needs && !definition.needs(capabilities, key)) {
    throw new LimitError(`${definition.name}: needs more than ${device.info.description} offers.`);
  }
}

const MAX_GROUPS = 65535;

function foldGrid(name: string, grid: Grid): readonly [number, number, number] {
  if (typeof grid !== 'number') {
    if (grid.some((extent) => extent > MAX_GROUPS)) {
      throw new LimitError(`${name}: maxComputeWorkgroupsPerDimension is ${MAX_GROUPS}, the grid is [${grid}].`);
    }
    return grid;
  }
  const y = Math.ceil(grid / MAX_GROUPS);
  if (y > MAX_GROUPS) throw new GpuValidationError(`${name}: ${grid} workgroups are more than a dispatch can hold.`);
  return [Math.ceil(grid / y), y, 1];
}

type Views = { u32: Uint32Array; i32: Int32Array; f32: Float32Array };

/** Writes a params object into the arena by an offset table: TypeGPU supplies the layout, not the copying. */
function packer<S extends ParamsSchema>(schema: S): (params: ParamsOf<S>, offset: number, views: Views) => void {
  const fields = Object.entries(schema.propTypes).map(([name, type]) => ({
    name,
    word: memoryLayoutOf(schema, (p) => (p as Record<string, number>)[name]).offset / 4,
    view: (type as ScalarSchema).type,
  }));
  return (params, offset, views) => {
    const base = offset / 4;
    for (const { name, word, view } of fields) {
      const value = (params as Record<string, number>)[name];
      invariant(value !== undefined, `params: ${name} is missing`);
      views[view][base + word] = value;
    }
  };
}
