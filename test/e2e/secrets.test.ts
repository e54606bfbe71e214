import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setSecret } from "../../src/config/secrets/secret-store.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const SECRETS = { token: "ghp_stored-token-1", arg: "stored-argument-2", header: "stored-header-3" };

const folder = createFolder();
let service: RunningService;

beforeAll(async () => {
  const data = join(folder, "data");
  const place = { file: join(data, "secrets.json"), keyFile: join(data, "secrets.key"), keyText: undefined };
  for (const [name, value] of Object.entries(SECRETS)) setSecret(place, { name, value }, 0);
  service = await startService({
    folder,
    log: { level: "trace" },
    mcpServers: {
      lab: fixtureServer("lab", { TOKEN: "${secret:token}" }),
      // Tells what it was given, and dies of it.
      teller: {
        command: "sh",
        args: ["-c", 'echo "$TOKEN $0" >&2; exit 3', "${secret:arg}"],
        env: { TOKEN: "${secret:token}" },
      },
      gone: { url: "http://127.0.0.1:9/${secret:arg}", headers: { "X-Api-Key": "${secret:header}" } },
    },
  });
});

afterAll(() => service.remove());

describe("a stored secret", () => {
  test("reaches the servers it is meant for and no answer, log or error of ours", async () => {
    const script = `
      const told = [];
      for (const call of [() => mcp.teller.x({}), () => mcp.gone.x({}), () => mcp.lab.nope({})]) {
        try { await call() } catch (error) { told.push([error.code, error.message, error.details]) }
      }
      return { told, tools: await mcp.$servers() };`;
    const run = await service.run(script, { check: "none" });
    expect(run.status).toBe("succeeded");
    const answers = [
      JSON.stringify(run),
      JSON.stringify((await service.post("/invoke", { server: "teller", tool: "x", arguments: {} })).body),
      JSON.stringify((await service.get("/servers")).body),
      JSON.stringify((await service.get("/tools")).body),
      JSON.stringify((await service.get("/readyz")).body),
      String((await service.get("/metrics")).body),
      service.logs(),
    ];
    expect(answers[2]).toContain("*** ***");
    for (const answer of answers) for (const secret of Object.values(SECRETS)) expect(answer).not.toContain(secret);
  });
});
