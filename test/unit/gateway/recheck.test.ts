import { expect, test } from "vitest";
import type { Principal } from "../../../src/config/principal.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { silentLog } from "../../../src/lib/log.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const ADA: Principal = { id: "ada", access: {}, admin: false };

function setup(answer?: () => Promise<ReturnType<typeof textResult>>) {
  const files = createFakeUpstream("files", [{ name: "read" }, { name: "write" }], answer && { answer });
  const registry = createFakeRegistry([files]);
  const now: { ada: Principal | undefined } = { ada: ADA };
  const metrics = createMetrics();
  const gateway = createGateway({
    registry,
    catalogs: createFakeCatalogs(registry),
    clock: createManualClock(),
    log: silentLog,
    metrics,
    callers: { current: (principal) => (principal === ADA ? now.ada : principal) },
  });
  const call = (tool: string) => gateway.call(toolCall("files", tool, { principal: ADA }));
  return { files, now, metrics, call };
}

test("a caller that is none any more calls nothing more, and is told so", async () => {
  const { files, now, metrics, call } = setup();
  await call("read");
  now.ada = undefined;
  await expect(call("read")).rejects.toMatchObject({
    code: "PRINCIPAL_REVOKED",
    message: expect.stringContaining(
      "Cannot call files.read as its caller must still be a client: ada is none any more",
    ),
  });
  expect(files.calls).toHaveLength(1);
  expect(metrics.render()).toContain('runlet_gateway_rejected_total{reason="revoked",scope="principal"} 1');
});

test("a rule that was narrowed counts at the next call", async () => {
  const { files, now, call } = setup();
  await call("write");
  now.ada = { ...ADA, access: { tools: new Map([["files", ["read"]]]) } };
  await expect(call("write")).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
  await call("read");
  expect(files.calls.map(({ name }) => name)).toEqual(["write", "read"]);
});

test("a call in flight keeps its answer", async () => {
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof textResult>>();
  const { now, call } = setup(() => promise);
  const inFlight = call("write");
  now.ada = undefined;
  resolve(textResult("written"));
  expect((await inFlight).value).toBe("written");
});
