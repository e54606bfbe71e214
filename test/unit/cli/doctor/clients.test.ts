import { describe, expect, test } from "vitest";
import { clientChecks } from "../../../../src/cli/doctor/client-checks.ts";
import type { Listed } from "../../../../src/cli/doctor/client-checks.ts";
import type { ClientConfig } from "../../../../src/config/config.ts";
import type { AccessRules } from "../../../../src/config/principal.ts";
import type { ToolAnnotations } from "../../../../src/upstream/upstream.ts";
import { upstreamConfig } from "../../../support/gateway-parts.ts";

const UPSTREAMS = [upstreamConfig("files"), upstreamConfig("github")];
const tool = (server: string, name: string, annotations?: ToolAnnotations) => ({
  server,
  name,
  description: "",
  inputSchema: {},
  ...(annotations && { annotations }),
});
const LISTED: Listed = new Map([
  ["files", [tool("files", "read", { readOnlyHint: true }), tool("files", "write")]],
  ["github", [tool("github", "search", { readOnlyHint: true })]],
]);

function examine(access: AccessRules, { listed = LISTED, upstreams = UPSTREAMS, ends = 2_000, nowMs = 1_000 } = {}) {
  const client: ClientConfig = {
    principal: { id: "agent", access, admin: false },
    keyHashes: ["0".repeat(64)],
    keyExpiresAtMs: ends,
  };
  return clientChecks({ clients: [client], upstreams }, { listed, nowMs });
}

describe("a client", () => {
  test("that can use tools is told of with how many", () => {
    expect(examine({ classes: ["read"] })).toEqual([
      {
        group: "configuration",
        subject: "agent",
        name: "reach",
        status: "ok",
        detail: "2 of 3 tools of files, github",
      },
    ]);
  });

  test("whose globs fit no server is warned of, with the servers there are", () => {
    expect(examine({ servers: ["gitlab", "file"] })).toEqual([
      {
        group: "configuration",
        subject: "agent",
        name: "reach",
        status: "warning",
        detail: "no server is its own",
        remedy: "Name some in servers of clients.agent: there are files, github.",
      },
    ]);
  });

  test.each([
    ["classes", { classes: ["destructive"] as const }],
    ["tools", { tools: new Map([["*", ["nothing_*"]]]) }],
  ])("whose %s deny everything that the servers list is warned of, with the classes they have", (_name, access) => {
    expect(examine(access)[0]).toMatchObject({
      status: "warning",
      detail: "none of the 3 tools of files, github is its own",
      remedy: expect.stringContaining("the tools there are of the classes read, write"),
    });
  });

  test("without any class is warned of though no server was started", () => {
    expect(examine({ classes: [] }, { listed: new Map() })[0]).toMatchObject({ status: "warning" });
  });

  test("is judged by the classes that the operator gave, not by what an untrusted server says", () => {
    const untrusted = upstreamConfig("files", { trustAnnotations: false, classes: new Map([["write", "read"]]) });
    const listed = new Map([["files", LISTED.get("files") ?? []]]);
    expect(examine({ classes: ["read"] }, { upstreams: [untrusted], listed })[0]?.detail).toBe("1 of 2 tools of files");
  });

  test("of servers that list nothing yet is told of with their names", () => {
    expect(examine({ servers: ["git*"] }, { listed: new Map() })[0]?.detail).toBe("github");
    expect(examine({}, { upstreams: [] })).toEqual([]);
  });

  test("whose keys are over is warned of with when, and how to get one", () => {
    const [check] = examine({}, { ends: 500 });
    expect(check).toMatchObject({
      name: "key",
      status: "warning",
      detail: "its keys ended at 1970-01-01T00:00:00.500Z",
      remedy: expect.stringContaining("runlet keys create agent"),
    });
  });
});
