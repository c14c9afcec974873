/**
 * Compiles every kernel with every key, storage type and subgroup width on Dawn's null backend, which runs the
 * production compiler and all of Dawn's validation, and executes nothing: no driver is needed. Kernels that ask for
 * nothing special are compiled on a device with WebGPU's default limits. Any message of the compiler fails the lint.
 *
 *   npm run lint:shaders [-- NAME-PART]
 */
import { acquireDevice } from '../engine/device/node.ts';
import { type AnyKernel, allKernels, codeOf, type Device, sourceOf, variantsOf } from '../engine/index.ts';
import { shaderText } from '../engine/shader-text.ts';
import '../kernels/index.ts';

const SUBGROUP_WIDTHS = [4, 8, 16, 32, 64];

const only = process.argv[2] ?? '';
const roomy = await acquireDevice({ device: 'null' });
const plain = await acquireDevice({ device: 'null', plainLimits: true });
let compiled = 0;
const failures: string[] = [];
for (const kernel of allKernels()) {
  if (!kernel.name.includes(only)) continue;
  const { subgroups, subgroupMatrix, needs } = kernel.definition;
  const device = needs || subgroupMatrix ? roomy : plain;
  const widths = subgroups || subgroupMatrix ? SUBGROUP_WIDTHS : [0];
  for (const width of widths) await lint(device, kernel, width);
}
for (const failure of failures) console.error(failure);
console.log(`${allKernels().length} kernels, ${compiled} shaders compiled, ${failures.length} failed`);
process.exit(failures.length > 0 ? 1 : 0);

async function lint(device: Device, kernel: AnyKernel, width: number): Promise<void> {
  for (const { types, key } of variantsOf(kernel)) {
    if (kernel.definition.widths && !kernel.definition.widths(width, key)) continue;
    const source = sourceOf(kernel, types, key, width, device.capabilities.asksForWidth);
    const label = `${source.label}${width ? ` SG=${width}` : ''}`;
    compiled++;
    try {
      // the null backend has WebGPU's default limits: of what needs more the text alone is compiled
      const fits = kernel.definition.needs?.(device.capabilities, key) ?? true;
      if (fits) await device.pipeline(source).ready;
      const texts = await Promise.all(source.files.map(shaderText));
      const module = device.gpu.createShaderModule({ code: codeOf(source, texts) });
      const { messages } = await module.getCompilationInfo();
      for (const message of messages) failures.push(`${label}: ${message.type}: ${message.message}`);
    } catch (error) {
      failures.push(`${label}: ${(error as Error).message}`);
    }
  }
}
