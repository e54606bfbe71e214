import { defineConfig } from "vitest/config";

/** Every suite runs real parts, so the workers are few and the time limits are generous; speed is measured in test/bench. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
