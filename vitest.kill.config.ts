import { defineConfig } from 'vitest/config';

/** `npm run test:kill`: minutes of killing and resuming, apart from the tests of every day. */
export default defineConfig({
  test: { include: ['test/kill/*.ts'], testTimeout: 600_000, hookTimeout: 120_000, pool: 'forks', maxWorkers: 1 },
});
