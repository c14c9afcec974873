// Asks Dawn for an adapter and prints what came as one line of JSON. A process of its own, because the Vulkan loader
// reads its environment once and a broken driver may crash.
try {
  const { create } = await import('webgpu');
  // Kept in a global: collected while work is pending, Dawn takes the process down.
  globalThis.miaobiProbe = create([]);
  const adapter = await globalThis.miaobiProbe.requestAdapter({ powerPreference: 'high-performance' });
  const info = adapter?.info;
  const found = info && {
    name: info.description || info.device || info.vendor,
    software:
      Boolean(info.isFallbackAdapter) || /llvmpipe|swiftshader|lavapipe/i.test(`${info.device} ${info.description}`),
  };
  process.stdout.write(`${JSON.stringify({ adapter: found ?? null })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ adapter: null, error: String(error?.message ?? error) })}\n`);
}
