import { defineConfig } from 'vitest/config';

/** `npm run test:browser`: the engine, kernels and models in the system's Chromium. */
export default defineConfig({
  test: {
    include: ['test/browser/in-chromium.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
