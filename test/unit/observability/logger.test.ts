import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { createLogger } from "../../../src/observability/logger.ts";
import { createRedactor } from "../../../src/observability/redact.ts";
import type { Logger, LogSettings } from "../../../src/observability/logger.ts";
import type { Clock } from "../../../src/lib/clock.ts";

const CLOCK: Clock = {
  now: () => Date.UTC(2026, 10, 23, 12, 1, 2, 345),
  monotonic: () => 0,
  after: () => ({ cancel: () => undefined }),
};

function capture(
  settings: Partial<LogSettings> = {},
  secrets: readonly string[] = [],
): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level: "trace", pretty: false, ...settings }, createRedactor(secrets), destination, CLOCK);
  return { log, lines };
}

const records = (lines: readonly string[]): unknown[] => lines.map((line) => JSON.parse(line) as unknown);

describe("lines", () => {
  test("are JSON with level, time, fields and message, and nothing of the machine", () => {
    const { log, lines } = capture();
    log.info({ runId: "run_1", ms: 5 }, "run ended");
    expect(lines).toEqual([
      '{"level":"info","time":"2026-11-23T12:01:02.345Z","runId":"run_1","ms":5,"msg":"run ended"}\n',
    ]);
  });

  test("below the level are not written", () => {
    const { log, lines } = capture({ level: "warn" });
    log.trace({}, "1");
    log.debug({}, "2");
    log.info({}, "3");
    log.warn({}, "4");
    log.error({}, "5");
    expect(records(lines)).toMatchObject([
      { level: "warn", msg: "4" },
      { level: "error", msg: "5" },
    ]);
    expect([log.isLevelEnabled("info"), log.isLevelEnabled("error")]).toEqual([false, true]);
  });

  test("another level counts at once, for children that are there already too", () => {
    const { log, lines } = capture({ level: "warn" });
    const child = log.child({ server: "files" });
    child.debug({}, "1");
    child.setLevel("debug");
    child.debug({}, "2");
    log.debug({}, "3");
    log.trace({}, "4");
    log.setLevel("silent");
    child.error({}, "5");
    expect(records(lines)).toMatchObject([{ msg: "2" }, { msg: "3" }]);
    expect([child.isLevelEnabled("error"), log.isLevelEnabled("silent")]).toEqual([false, false]);
    log.setLevel("trace");
    expect([child.isLevelEnabled("trace"), child.isLevelEnabled("louder")]).toEqual([true, false]);
  });

  test("silent writes nothing", () => {
    const { log, lines } = capture({ level: "silent" });
    log.error({}, "lost");
    expect(lines).toEqual([]);
  });

  test("of a child have its fields", () => {
    const { log, lines } = capture();
    log.child({ server: "files" }).child({ pid: 7 }).warn({ at: 1 }, "stopped");
    expect(records(lines)).toMatchObject([{ server: "files", pid: 7, at: 1, msg: "stopped" }]);
  });

  test("a message is text, not a format", () => {
    const { log, lines } = capture();
    log.info({ a: 1 }, "100%s done %d %o");
    expect(records(lines)).toMatchObject([{ a: 1, msg: "100%s done %d %o" }]);
  });

  test("a cycle or an odd value stops nothing", () => {
    const { log, lines } = capture();
    const cycle: Record<string, unknown> = { big: 1n };
    cycle["self"] = cycle;
    log.info({ cycle }, "odd");
    expect(records(lines)).toMatchObject([{ cycle: { big: "1", self: "[circular]" } }]);
  });
});

test("an error alone is taken for the error of the line", () => {
  const { log, lines } = capture();
  log.error(new Error("broken"), "failed");
  expect(records(lines)).toMatchObject([{ err: { type: "Error", message: "broken" }, msg: "failed" }]);
});

describe("secrets", () => {
  test("are in no part of a line: message, fields, child's fields, errors", () => {
    const { log, lines } = capture({}, ["s3cret-value"]);
    const err = new Error("s3cret-value failed", { cause: new Error("s3cret-value") });
    log
      .child({ url: "https://x/s3cret-value" })
      .error({ err, headers: { Authorization: "abc" }, list: ["s3cret-value"] }, "got s3cret-value");
    expect(lines.join("")).not.toContain("s3cret-value");
    expect(records(lines)).toMatchObject([
      {
        url: "https://x/***",
        err: { message: "*** failed", cause: { message: "***" } },
        headers: { Authorization: "***" },
        list: ["***"],
        msg: "got ***",
      },
    ]);
  });

  test("an error is logged with its type, code and stack", () => {
    const { log, lines } = capture();
    log.error({ err: Object.assign(new RangeError("too far"), { code: "E_FAR" }) }, "failed");
    expect(records(lines)).toMatchObject([
      {
        err: {
          type: "RangeError",
          message: "too far",
          code: "E_FAR",
          stack: expect.stringContaining("logger.test.ts"),
        },
      },
    ]);
  });
});

describe("lines for people", () => {
  test("have time, level, message and fields", () => {
    const { log, lines } = capture({ pretty: true });
    log.info({ runId: "run_1", text: "two words", list: [1, 2], ok: true }, "run ended");
    expect(lines).toEqual(['12:01:02.345 INFO  run ended runId=run_1 text="two words" list=[1,2] ok=true\n']);
  });

  test("have an error's stack below, indented", () => {
    const { log, lines } = capture({ pretty: true });
    log.error({ err: new Error("broken") }, "failed");
    expect(lines[0]).toMatch(/^12:01:02\.345 ERROR failed\n {4}Error: broken\n {8}at /u);
  });

  test("cannot steer a terminal nor fake another line", () => {
    const { log, lines } = capture({ pretty: true });
    log.warn({ field: "\u001B[2Jx", other: "a\n12:00:00.000 ERROR fake" }, "hello\n\u001B]0;title\u0007\u009B31m");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).toBe(
      String.raw`12:01:02.345 WARN  hello\n\u001b]0;title\u0007\u009b31m field=\u001b[2Jx other="a\n12:00:00.000 ERROR fake"`,
    );
  });

  test("are redacted like others", () => {
    const { log, lines } = capture({ pretty: true }, ["s3cret-value"]);
    log.info({ token: "abc", text: "s3cret-value" }, "Bearer abcdefghijkl");
    expect(lines).toEqual(["12:01:02.345 INFO  Bearer *** token=*** text=***\n"]);
  });
});

test("lines go to stderr and none is lost when the process exits at once", () => {
  const logger = resolve(import.meta.dirname, "../../../src/observability/logger.ts");
  const redact = resolve(import.meta.dirname, "../../../src/observability/redact.ts");
  const script = `
    const { createLogger } = await import(${JSON.stringify(logger)});
    const { createRedactor } = await import(${JSON.stringify(redact)});
    const log = createLogger({ level: "info", pretty: false }, createRedactor([]));
    for (let i = 0; i < 1000; i++) log.info({ i }, "line");
    process.exit(3);
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect([status, stdout]).toEqual([3, ""]);
  expect(records(stderr.trimEnd().split("\n"))).toHaveLength(1_000);
});
