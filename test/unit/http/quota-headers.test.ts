import { describe, expect, test } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import type { Quotas } from "../../../src/config/quotas.ts";
import { createQuotaKeeper } from "../../../src/gateway/quotas.ts";
import { createApp } from "../../../src/http/app.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import { fakeDeps, postJson } from "./fakes.ts";

const CALL = postJson({ server: "s", tool: "t", arguments: {} });

function appWith(everybody: Quotas) {
  const quotas = createQuotaKeeper(createMemoryQuotaStore(), everybody);
  const deps = fakeDeps({ quotas });
  const post = async (path: string, init: RequestInit) => {
    const { status, headers } = await createApp(deps).request(`http://127.0.0.1${path}`, {
      ...init,
      headers: { host: "127.0.0.1:80", ...(init.headers as Record<string, string>) },
    });
    return { status, policy: headers.get("ratelimit-policy"), state: headers.get("ratelimit"), headers };
  };
  return { quotas, deps, post };
}

describe("the headers of quotas", () => {
  test("tell how the quotas of calls stand where tools are called", async () => {
    const { post, quotas } = appWith({
      calls: { limit: 100, periodMs: 60_000 },
      bytes: { limit: 5_000, periodMs: 3_600_000 },
      runs: { limit: 7, periodMs: 1_000 },
    });
    await quotas.take(LOCAL_PRINCIPAL, "calls", "call it");
    for (const [path, init] of [
      ["/invoke", CALL],
      ["/batch", postJson({ calls: [{ server: "s", tool: "t" }] })],
    ] as const) {
      const { policy, state } = await post(path, init);
      expect(policy).toBe('"calls";q=100;w=60, "bytes";q=5000;qu="content-bytes";w=3600');
      expect(state).toMatch(/^"calls";r=99;t=(?:60|59), "bytes";r=5000;t=3600$/u);
    }
    expect((await post("/run", postJson({ script: "return 1" }))).policy).toBe('"runs";q=7;w=1');
  });

  test("are there when the call is refused, beside when to come back", async () => {
    const { post, deps } = appWith({ calls: { limit: 1, periodMs: 60_000 } });
    const details = { scope: "calls", limit: 1, period: "minute", retryAfterMs: 34_500 };
    deps.gateway.call = () => Promise.reject(new RunletError("QUOTA_EXCEEDED", "Cannot call it.", { details }));
    const answer = await post("/invoke", CALL);
    expect([answer.status, answer.policy, answer.headers.get("retry-after")]).toEqual([429, '"calls";q=1;w=60', "35"]);
  });

  test("are not there without a quota, and none that cannot be read keeps the answer", async () => {
    expect(await appWith({}).post("/invoke", CALL)).toMatchObject({ policy: null, state: null });
    const { post, deps, quotas } = appWith({ calls: { limit: 1, periodMs: 60_000 } });
    quotas.states = () => Promise.reject(new Error("gone"));
    const { status, policy } = await post("/invoke", CALL);
    expect([status, policy]).toEqual([200, null]);
    expect(deps.log.lines).toContainEqual(
      expect.objectContaining({ message: "how a caller's quotas stand could not be told" }),
    );
  });
});
