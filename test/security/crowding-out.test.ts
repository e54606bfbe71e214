import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientKeyHash } from "../../src/config/clients.ts";
import { startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { Problem, ServiceClient } from "../support/service-client.ts";

const KEYS = { ann: "rk_ann", mallory: "rk_mallory" };

/** Takes minutes to be matched against the result below, and no time against the texts a schema is tried on. */
const SLOW_CHECK = { outputSchema: { type: "string", pattern: "^a*a*a*a*a*b$" } };
const SLOW_RESULT = "return 'a'.repeat(20000)";

/** As many names as fit: lists of names that are searched from the start took 6 s of everybody's time. */
const MANY_NAMES = `let a${Array.from({ length: 45_000 }, (_, at) => `,a${at.toString(36)}`).join("")}; return 1`;

describe("one client", () => {
  let service: RunningService;
  let ann: ServiceClient;
  let mallory: ServiceClient;

  beforeAll(async () => {
    const clients = { ann: { key: clientKeyHash(KEYS.ann) }, mallory: { key: clientKeyHash(KEYS.mallory) } };
    service = await startService({ mcpServers: {}, clients });
    ann = service.as(KEYS.ann);
    mallory = service.as(KEYS.mallory);
  });
  afterAll(() => service.remove());

  test("whose results take long to be checked holds up its own runs", { timeout: 60_000 }, async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => mallory.queue(SLOW_RESULT, SLOW_CHECK)));
    const run = await ann.run("return { a: 1 }", { outputSchema: { required: ["a"] } });
    expect(run).toMatchObject({ status: "succeeded", result: { a: 1 } });
    const left = await Promise.all(ids.map((id) => mallory.send<{ status: string }>("DELETE", `/runs/${id}`)));
    // Each check would take seconds: had Ann waited for all of them, none were left to cancel.
    expect(left.filter(({ status, body }) => status === 200 && body.status === "cancelled").length).toBeGreaterThan(2);
  });

  test("whose TypeScript takes long to be read does", { timeout: 60_000 }, async () => {
    const text = `let q: number; x = ${"a ? (b) : c => ".repeat(600)}1`;
    const ids = await Promise.all(Array.from({ length: 6 }, () => mallory.queue(text)));
    expect(await ann.run("const x: number = 1; return x")).toMatchObject({ status: "succeeded", result: 1 });
    const left = await Promise.all(ids.map((id) => mallory.send<{ status: string }>("DELETE", `/runs/${id}`)));
    expect(left.filter(({ status, body }) => status === 200 && body.status === "cancelled").length).toBeGreaterThan(2);
  });

  test("whose scripts declare many names does", async () => {
    const runs = await Promise.all([mallory.run(MANY_NAMES), ann.run("return 2")]);
    expect(runs.map(({ result }) => result)).toEqual([1, 2]);
  });

  test("whose schemas take long to be tried is the one who is refused, and the service ends all the same", async () => {
    const asked = Array.from({ length: 40 }, (_, at) =>
      mallory.post<Problem>("/run", { script: "return 1", outputSchema: { pattern: `^(a+)+${at}$` } }).then(
        ({ body }) => body.code,
        () => "gone",
      ),
    );
    expect((await ann.run("return {}", { outputSchema: { type: "object" } })).status).toBe("succeeded");
    const { code } = await service.stop();
    expect(code).toBe(0);
    const told = new Set(await Promise.all(asked));
    told.delete("REQUEST_INVALID");
    expect([...told].toSorted()).toEqual(["QUEUE_FULL", "SHUTTING_DOWN"]);
  }, 60_000);
});
