import tgpu from 'typegpu';
import type { AnyKernel, Binding, ElementType, Key } from './define-kernel.ts';
import type { ShaderSource } from './pipelines.ts';
import type { DType } from './tensor.ts';

export interface StorageTypes {
  readonly T: DType;
  readonly U: DType;
}

/** 16 bytes of T: vectors of four numbers taken from them, and put into them. Where there are four in all, there is no second one. */
const SIXTEEN_BYTES: Readonly<Record<DType, readonly string[]>> = {
  f32: [
    'alias T16 = vec4f;',
    'fn first(v: T16) -> vec4f { return v; }',
    'fn second(v: T16) -> vec4f { return vec4f(); }',
    'fn packed(a: vec4f, b: vec4f) -> T16 { return a; }',
  ],
  f16: [
    'alias T16 = vec4u;',
    'fn first(v: T16) -> vec4f { return vec4f(bitcast<T4>(v.xy)); }',
    'fn second(v: T16) -> vec4f { return vec4f(bitcast<T4>(v.zw)); }',
    'fn packed(a: vec4f, b: vec4f) -> T16 { return vec4u(bitcast<vec2u>(T4(a)), bitcast<vec2u>(T4(b))); }',
  ],
  u32: [
    'alias T16 = vec4u;',
    'fn first(v: T16) -> vec4f { return vec4f(v); }',
    'fn second(v: T16) -> vec4f { return vec4f(); }',
    'fn packed(a: vec4f, b: vec4f) -> T16 { return vec4u(a); }',
  ],
};

/**
 * The text of a kernel for one choice of storage types, key and subgroup width.
 *
 * @param asked  the kernel must ask for the width, since the device's varies
 */
export function sourceOf(
  kernel: AnyKernel,
  types: StorageTypes,
  key: Key<string>,
  subgroupWidth: number,
  asked = false,
): ShaderSource {
  const { definition } = kernel;
  const inSubgroups = definition.subgroups || definition.subgroupMatrix;
  const present = (Object.entries(definition.bindings) as [string, Binding][]).filter(
    ([, { when }]) => !when || key[when],
  );
  const absent = (Object.entries(definition.bindings) as [string, Binding][]).filter(
    ([, { when }]) => when && !key[when],
  );
  const enables = [
    ...(types.T === 'f16' || types.U === 'f16' ? ['enable f16;'] : []),
    ...(inSubgroups ? ['enable subgroups;'] : []),
    ...(inSubgroups && asked ? ['enable subgroup_size_control;'] : []),
    ...(definition.subgroupMatrix ? ['enable chromium_experimental_subgroup_matrix;'] : []),
  ];
  const lines = [
    ...enables,
    ...(['T', 'U'] as const).flatMap((name) => [
      `alias ${name} = ${types[name]};`,
      `alias ${name}4 = vec4<${types[name]}>;`,
    ]),
    ...(present.some(([, { type }]) => type === 'T16') ? SIXTEEN_BYTES[types.T] : []),
    ...(inSubgroups ? [`const SG: u32 = ${subgroupWidth}u;`] : []),
    ...Object.keys(definition.keys ?? {}).map((name) => `const ${name}: u32 = ${key[name]}u;`),
    tgpu.resolve({ template: 'Params', externals: { Params: definition.params } }).replace(/Params\s*$/, ''),
    ...present.map(([name, { access, type }], i) => {
      const mode = access === 'read' ? 'read' : 'read_write';
      return `@group(0) @binding(${i}) var<storage, ${mode}> ${name}: array<${type}>;`;
    }),
    '@group(1) @binding(0) var<uniform> P: Params;',
    ...present.filter(([, { when }]) => when).map(([name, { type }]) => accessor(name, type, `${name}[i]`)),
    ...absent.map(([name, { type }]) => accessor(name, type, undefined)),
    'fn groupIndex(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }',
  ];
  const keyText = Object.entries(key).map(([name, value]) => `${name}=${value}`);
  return {
    label: `${definition.name} [${[`T=${types.T}`, ...keyText].join(' ')}]`,
    header: lines.join('\n'),
    files: [...(definition.lib ?? []), definition.wgsl],
    attributes: inSubgroups && asked ? '@subgroup_size(SG) ' : '',
    access: accessOf(present.map(([, binding]) => binding)),
  };
}

/** Every (types, key) that a kernel may be launched with. */
export function variantsOf(kernel: AnyKernel): { types: StorageTypes; key: Key<string> }[] {
  const { definition } = kernel;
  let keys: Record<string, number>[] = [{}];
  for (const [name, values] of Object.entries(definition.keys ?? {}) as [string, readonly number[]][]) {
    keys = keys.flatMap((key) => values.map((value) => ({ ...key, [name]: value })));
  }
  const valid = keys.filter((key) => !definition.valid || definition.valid(key));
  const used = new Set((Object.values(definition.bindings) as Binding[]).map(({ type }) => type[0]));
  const typesOf = (name: 'T' | 'U'): DType[] => (used.has(name) ? ['f32', 'f16'] : ['f32']);
  return typesOf('T')
    .flatMap((T) => typesOf('U').map((U) => ({ T, U: used.has('U') ? U : T })))
    .filter((types) => !definition.storage || definition.storage(types))
    .flatMap((types) => valid.map((key) => ({ types, key })));
}

function accessor(name: string, type: ElementType, load: string | undefined): string {
  const vector = type === 'T4' || type === 'U4' || type === 'vec4f';
  const result = vector ? 'vec4f' : type === 'u32' ? 'u32' : 'f32';
  const zero = vector ? 'vec4f()' : type === 'u32' ? '0u' : '0.0';
  return `fn ${name}At(i: u32) -> ${result} { return ${load ? `${result}(${load})` : zero}; }`;
}

/** One letter a binding: the name of a bind group layout. */
const accessOf = (bindings: readonly Binding[]) =>
  bindings.map(({ access }) => (access === 'read' ? 'r' : 'w')).join('');
