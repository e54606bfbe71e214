import { describe, expect, test } from "vitest";
import type { Principal } from "../../../src/config/principal.ts";
import { createApp } from "../../../src/http/app.ts";
import { FAKE_STATUS, fakeDeps, fakeRegistry, readJson } from "./fakes.ts";

const agent: Principal = { id: "agent", access: { servers: ["files"] }, admin: false };

describe("GET /servers", () => {
  test("shows administrators every server with its process", async () => {
    const answer = await createApp(fakeDeps()).request("/servers");
    const { servers } = await readJson(answer);
    expect(servers).toHaveLength(2);
    expect((servers as unknown[])[0]).toEqual({
      name: "files",
      state: "failed",
      transport: "stdio",
      tools: 2,
      protocolVersion: "2026-07-28",
      serverInfo: { name: "files", version: "1.0.0" },
      lastFailure: { stage: "call", message: "It hung up.", at: "2026-01-01T00:00:00.000Z" },
      pid: 4242,
      sessions: [{ owner: "shared", state: "failed", pid: 4242, inFlight: 0 }],
      stderr: ["a line"],
    });
  });

  test("shows others the servers they may use, and nothing of the machine", async () => {
    const answer = await createApp(fakeDeps({ authenticate: () => agent })).request("/servers");
    const { servers } = await readJson(answer);
    expect(servers).toMatchObject([{ name: "files" }]);
    expect((servers as unknown[])[0]).not.toHaveProperty("pid");
    expect((servers as unknown[])[0]).not.toHaveProperty("sessions");
    expect((servers as unknown[])[0]).not.toHaveProperty("stderr");
  });
});

describe("POST /servers/{name}/restart", () => {
  test("restarts the server and shows it", async () => {
    const registry = fakeRegistry(FAKE_STATUS);
    const deps = fakeDeps({ registry });
    const answer = await createApp(deps).request("/servers/files/restart", { method: "POST" });
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toMatchObject({ name: "files" });
    expect(registry.restarts).toEqual(["files"]);
  });

  test("is for administrators only", async () => {
    const registry = fakeRegistry(FAKE_STATUS);
    const deps = fakeDeps({ registry, authenticate: () => agent });
    const answer = await createApp(deps).request("/servers/files/restart", { method: "POST" });
    expect(answer.status).toBe(403);
    expect(await readJson(answer)).toMatchObject({
      code: "FORBIDDEN",
      detail: "Cannot POST /servers/:name/restart as only administrators may: current principal is agent.",
    });
    expect(registry.restarts).toEqual([]);
  });

  test("of an unknown server is 404 with the nearest name", async () => {
    const answer = await createApp(fakeDeps()).request("/servers/file/restart", { method: "POST" });
    expect(answer.status).toBe(404);
    expect(await readJson(answer)).toMatchObject({ code: "NOT_FOUND", details: { nearest: ["files"] } });
  });
});
