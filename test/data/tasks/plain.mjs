// A task as a compiled build has it: JavaScript, on a thread without a loader for TypeScript.
export async function run(job) {
  const loadsTypeScript = await import('./tricks.ts').then(
    () => true,
    () => false,
  );
  return { result: { twice: 2 * job, loadsTypeScript }, transfer: [] };
}
