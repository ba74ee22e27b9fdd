import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Models and native segments are large: processes, not threads, so that a fault or a leak stays in one file.
    pool: 'forks',
    testTimeout: 60_000,
  },
});
