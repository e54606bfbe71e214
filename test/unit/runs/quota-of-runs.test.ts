import { describe, expect, test } from "vitest";
import { ANN, BOB, createRuns, submitAndWait } from "./support.ts";

describe("the quota of runs", () => {
  const quotas = { runs: { limit: 2, periodMs: 86_400_000 } };

  test("refuses a run at submission and stores nothing of it; others go on", async () => {
    const { service } = createRuns({ quotas });
    await submitAndWait(service);
    await submitAndWait(service);
    await expect(service.submit(ANN, { script: "return 1" })).rejects.toMatchObject({
      code: "QUOTA_EXCEEDED",
      context: { details: { scope: "runs", limit: 2, period: "day", retryAfterMs: expect.any(Number) } },
    });
    expect((await service.list(ANN, { limit: 10 })).runs).toHaveLength(2);
    await submitAndWait(service, "return 1", BOB);
  });

  test("counts a run once that is posted again with its idempotency key", async () => {
    const { service } = createRuns({ quotas });
    const submit = () => service.submit(ANN, { script: "return 1" }, { idempotencyKey: "same" });
    const ids = [await submit(), await submit(), await submit()].map(({ id }) => id);
    expect(new Set(ids).size).toBe(1);
    await submitAndWait(service);
  });
});
