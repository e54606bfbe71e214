import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import type { GuardOptions } from "../../../src/config/guard-keys.ts";
import { OPTIONS_SCHEMA } from "../../../src/config/schema.ts";

function modesOf(top: GuardOptions, server: GuardOptions): GuardOptions | undefined {
  const [upstream] = compileConfig({ ...top, mcpServers: { files: { command: "x", ...server } } }).upstreams;
  return upstream && { pinning: upstream.pinning, scan: upstream.scan };
}

describe("what is done about changed and suspicious tools", () => {
  test.each<[GuardOptions, GuardOptions, GuardOptions]>([
    [{}, {}, { pinning: "warn", scan: "warn" }],
    [{ pinning: "block" }, {}, { pinning: "block", scan: "warn" }],
    [{ scan: "block" }, { pinning: "off" }, { pinning: "off", scan: "block" }],
    [
      { pinning: "block", scan: "block" },
      { pinning: "warn", scan: "off" },
      { pinning: "warn", scan: "off" },
    ],
  ])("top level %j and server %j give %j", (top, server, expected) => {
    expect(modesOf(top, server)).toEqual(expected);
  });

  test.each(["pinning", "scan"])("%s is one of three words, at the top level and of a server", (key) => {
    const wrong = { [key]: "yes" } as unknown as GuardOptions;
    expect(() => modesOf(wrong, {})).toThrow(`${key} as it must be one of off, warn, block: current value is "yes"`);
    expect(() => modesOf({}, wrong)).toThrow(`mcpServers.files.${key} as it must be one of off, warn, block`);
  });

  test("is documented with its default", () => {
    const { pinning, scan } = OPTIONS_SCHEMA.properties;
    expect([pinning.default, scan.default]).toEqual(["warn", "warn"]);
  });
});
