import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { judge } from "../support/hostile-cases.ts";
import { createLanes } from "../support/lanes.ts";
import type { EndedRun } from "../support/service-client.ts";
import { pause } from "../support/service.ts";
import { ThreadWatch } from "../support/thread-watch.ts";

const PRELOAD = fileURLToPath(new URL("../fixtures/preloads/watch-prototypes.mjs", import.meta.url));

/** What the suites of hostile scripts look with sees what it is to see. */
describe("eyes on processes", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  function program(code: string, ...flags: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [...flags, "-e", code], { stdio: ["ignore", "ignore", "pipe"] });
    children.push(child);
    return child;
  }

  test(
    "see a thread that computes, and since when, and none in a process that waits",
    { timeout: 60_000 },
    async () => {
      const spinning = program("for (;;);").pid ?? 0;
      const waiting = program("setInterval(() => {}, 1000)").pid ?? 0;
      // Both have started by then, busy as the machine may be.
      await pause(3_000);
      const watch = new ThreadWatch();
      const startedAt = performance.now();
      let seen = watch.busy();
      for (let looks = 0; looks < 100 && seen.length === 0; looks++) {
        watch.look([spinning, waiting]);
        await pause(200);
        watch.look([spinning, waiting]);
        seen = watch.busy();
      }
      expect(seen.map(({ pid }) => pid)).toEqual([spinning]);
      expect(seen[0]?.sinceMs).toBeGreaterThanOrEqual(startedAt);
      watch.look([]);
      expect(watch.busy()).toEqual([]);
    },
  );

  test("see a prototype that changes, and nothing in a program that leaves them alone", async () => {
    const said = await Promise.all(
      ["Object.prototype.polluted = 1", 'const o = JSON.parse(\'{"__proto__":{"polluted":1}}\')'].map(
        async (change) => {
          const child = program(
            `setTimeout(() => { ${change} }, 2000); setTimeout(() => {}, 3000)`,
            "--import",
            PRELOAD,
          );
          let text = "";
          child.stderr?.setEncoding("utf8").on("data", (part: string) => {
            text += part;
          });
          await once(child, "close");
          return text;
        },
      ),
    );
    expect(said).toEqual(["host prototypes changed: Object.prototype.polluted\n", ""]);
  });
});

describe("the verdict on an end", () => {
  const wanted = {
    name: "a case",
    category: "cpu",
    code: "",
    expect: { ok: "any", value: 1, errorKind: ["cpu"] },
  } as const;
  const ended = (run: Partial<EndedRun>): EndedRun => run as EndedRun;
  const failed = (code: string): EndedRun => ended({ status: "failed", error: { code } as EndedRun["error"] & object });

  test.each([
    ["the value", ended({ status: "succeeded", result: 1 }), "as expected"],
    ["another value", ended({ status: "succeeded", result: 2 }), "another value"],
    ["a listed failure", failed("SCRIPT_CPU_LIMIT"), "as expected"],
    ["another limit", failed("SCRIPT_TIMEOUT"), "failed with SCRIPT_TIMEOUT"],
    ["a defect", failed("INTERNAL"), "failed with INTERNAL"],
  ])("%s", (_, run, verdict) => {
    expect(judge(wanted, run)).toBe(verdict);
  });

  test("success is none where a case may not succeed", () => {
    const never = { ...wanted, expect: { ok: false, errorKind: ["cpu"] } } as const;
    expect(judge(never, ended({ status: "succeeded", result: 1 }))).toBe("succeeded, and should not have");
  });
});

test("a lane is used by one at a time, and again when what follows is done", async () => {
  const lanes = createLanes(["only"]);
  const order: string[] = [];
  const lane = await lanes.take();
  const useNext = async (): Promise<void> => {
    const taken = await lanes.take();
    order.push("next");
    lanes.give(taken);
  };
  const next = useNext();
  lanes.give(
    lane,
    Promise.resolve().then(() => order.push("after")),
  );
  await next;
  expect(order).toEqual(["after", "next"]);
  lanes.give(await lanes.take(), Promise.reject(new Error("broken")));
  await expect(lanes.settled()).rejects.toThrow("lanes failed");
});
