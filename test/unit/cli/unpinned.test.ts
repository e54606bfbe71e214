import { expect, test } from "vitest";
import { tellUnpinned } from "../../../src/cli/settings.ts";
import type { CliIo } from "../../../src/cli/io.ts";
import { upstreamConfig } from "../../support/gateway-parts.ts";

test("a command that keeps no pins names the servers that it cannot hold to what was approved, and is silent without one", () => {
  let told = "";
  const io: CliIo = { stdout: () => undefined, stderr: (text) => void (told += text), env: {}, cwd: "/" };
  tellUnpinned({ upstreams: [upstreamConfig("web")] }, io);
  expect(told).toBe("");
  const held = ["files", "mail"].map((name) => upstreamConfig(name, { pinning: "block" }));
  tellUnpinned({ upstreams: [...held, upstreamConfig("web")] }, io);
  expect(told).toBe("warning: this command keeps no pins: it trusts what files, mail lists now\n");
});
