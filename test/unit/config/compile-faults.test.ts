import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { compileYaml, problemsOf } from "./support.ts";

describe("how faults are told", () => {
  test("several problems come together, each with place, value and remedy", () => {
    const text =
      "port: 99999\nlog:\n  level: loud\nmcpServers:\n  a:\n    command: x\n    timeout: soon\n    args: ${NOPE}\n";
    const thrown = (() => {
      try {
        return compileYaml(text);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(RunletError);
    const { code, message, context } = thrown as RunletError;
    expect(code).toBe("CONFIG_INVALID");
    expect(message.split("\n")).toEqual([
      "Cannot use the configuration: 4 problems",
      "- Cannot use mcpServers.a.args (runlet.yaml:8) as it needs the environment variable NOPE, which is not set: " +
        'current value is "${NOPE}". Set NOPE, or write ${NOPE:-default}.',
      "- Cannot use port (runlet.yaml:1) as it must be a whole number from 0 to 65535: current value is 99999. Port to listen on; 0 takes a free one.",
      '- Cannot use mcpServers.a.timeout (runlet.yaml:7) as it must be a duration from 1ms to 24d, in ms or as text such as "30s", or an object: ' +
        'current value is "soon". Longest one call may take, or `{call, idle, tools}`.',
      '- Cannot use log.level (runlet.yaml:3) as it must be one of trace, debug, info, warn, error, silent: current value is "loud". What is logged.',
    ]);
    expect(context.details).toMatchObject({
      problems: [
        { key: "mcpServers.a.args", file: "runlet.yaml", line: 8 },
        { key: "port", file: "runlet.yaml", line: 1 },
        { key: "mcpServers.a.timeout", file: "runlet.yaml", line: 7 },
        { key: "log.level", file: "runlet.yaml", line: 3 },
      ],
    });
  });

  test("the source of a wrong value is named", () => {
    expect(problemsOf(() => compileYaml("", { env: { RUNLET_PORT: "x" } }))[0]).toContain(
      "port (environment RUNLET_PORT)",
    );
    expect(problemsOf(() => compileYaml("", { flags: { port: "-1" } }))[0]).toContain("port (flag --port)");
    expect(problemsOf(() => compileConfig({ port: -1 }))[0]).toContain("Cannot use port as it");
  });

  test("the value behind a reference is never shown", () => {
    const problems = problemsOf(() => compileYaml('port: "${P}"', { env: { P: "hush-hush" } }));
    expect(problems[0]).toContain('current value is what "${P}" stands for');
    expect(problems[0]).not.toContain("hush-hush");
  });

  test("a wrong value that holds a known secret is not shown", () => {
    const text =
      'mcpServers: {a: {command: x, type: "p-literal-token"}}\nmodel: {baseURL: "http://m", model: m, apiKey: literal-token}\n';
    const [problem] = problemsOf(() => compileYaml(text));
    expect(problem).toContain("current value is ***");
  });

  test("a long value is cut", () => {
    expect(problemsOf(() => compileConfig({ dataDir: "x", log: "y".repeat(500) } as object))[0]?.length).toBeLessThan(
      300,
    );
  });

  test("clients with nothing under it is an error, not an open door", () => {
    expect(problemsOf(() => compileYaml("clients:\n"))).toEqual([
      expect.stringContaining("Cannot use clients (runlet.yaml:1) as it must be an object"),
    ]);
  });

  test("a model without its address or name is refused", () => {
    expect(problemsOf(() => compileYaml("", { env: { RUNLET_MODEL_API_KEY: "abc-def" } }))).toEqual([
      expect.stringContaining("Cannot use model.baseURL as it must be set: current value is missing."),
      expect.stringContaining("Cannot use model.model as it must be set: current value is missing."),
    ]);
    expect(problemsOf(() => compileYaml("model: {baseURL: localhost, model: x}"))).toEqual([
      expect.stringContaining("model.baseURL (runlet.yaml:1) as it must be an http or https address"),
    ]);
  });
});
