import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { modelChecks } from "../../../../src/cli/doctor/model-checks.ts";
import type { ModelConfig } from "../../../../src/config/config.ts";

const KEY = "sk-the-key-of-the-model-endpoint";
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** An endpoint with one answer for everything; `undefined` never answers. */
async function endpoint(answer: { status?: number; body: string } | undefined) {
  const asked: { url: string | undefined; method: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, method: request.method, headers: request.headers });
    if (answer === undefined) return;
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" }).end(answer.body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const model: ModelConfig = {
    baseURL: `${origin}/v1`,
    apiKey: KEY,
    model: "small",
    temperature: undefined,
    timeoutMs: 5_000,
    maxTokens: undefined,
    attempts: 2,
  };
  return { origin, asked, model };
}

const models = (...ids: string[]): string => JSON.stringify({ object: "list", data: ids.map((id) => ({ id })) });

describe("a model endpoint", () => {
  test("that lists the model is as it should be; it is asked once, with the key", async () => {
    const { origin, asked, model } = await endpoint({ body: models("large", "small") });
    expect(await modelChecks(model, false)).toEqual([
      { group: "model", name: "endpoint", status: "ok", detail: `${origin} answers, 2 models` },
      { group: "model", name: "model", status: "ok", detail: "small" },
    ]);
    expect(asked).toEqual([
      { url: "/v1/models", method: "GET", headers: expect.objectContaining({ authorization: `Bearer ${KEY}` }) },
    ]);
  });

  test("that does not list the model is warned of, with the nearest name", async () => {
    const { model } = await endpoint({ body: models("smal-2", "large") });
    const [, check] = await modelChecks(model, false);
    expect(check).toMatchObject({ name: "model", status: "warning", detail: expect.stringContaining("small is none") });
    expect(check?.remedy).toMatch(/^Correct model\.model/u);
  });

  test.each([401, 403])("that answers %s fails by its key, which is nowhere in what is said", async (status) => {
    const { asked, model } = await endpoint({ status, body: JSON.stringify({ error: { message: `bad ${KEY}` } }) });
    const checks = await modelChecks(model, false);
    expect(checks).toEqual([
      {
        group: "model",
        name: "endpoint",
        status: "failed",
        detail: expect.stringContaining(`HTTP status ${status}`),
        remedy: "The operator should check model.apiKey.",
      },
    ]);
    expect(JSON.stringify(checks)).not.toContain(KEY);
    expect(asked).toHaveLength(1);
  });

  test("that fails is asked once only", async () => {
    const { asked, model } = await endpoint({ status: 500, body: "{}" });
    expect((await modelChecks(model, false))[0]).toMatchObject({ status: "failed" });
    expect(asked).toHaveLength(1);
  });

  test("that has the chat alone is warned of, for its address may be wrong", async () => {
    const { model } = await endpoint({ status: 404, body: "{}" });
    expect((await modelChecks(model, false))[0]).toMatchObject({
      status: "warning",
      remedy: expect.stringContaining("baseURL"),
    });
  });

  test("that answers with something else than models answers all the same", async () => {
    for (const body of ["{}", "[]", '"text"']) {
      const { origin, model } = await endpoint({ body });
      expect((await modelChecks(model, false))[0]?.detail).toBe(`${origin} answers, and lists no models`);
    }
  });

  test("that never answers fails after its time", async () => {
    const { model } = await endpoint(undefined);
    expect((await modelChecks({ ...model, timeoutMs: 100 }, false))[0]).toMatchObject({ status: "failed" });
  });

  test("that nobody listens at fails, and the remedy names baseURL", async () => {
    const { model } = await endpoint({ body: "" });
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect((await modelChecks(model, false))[0]).toMatchObject({
      status: "failed",
      remedy: expect.stringContaining("model.baseURL"),
    });
  });

  test("is not asked offline, and there is nothing to say where there is none", async () => {
    const { origin, asked, model } = await endpoint({ body: models("small") });
    expect(await modelChecks(model, true)).toEqual([
      { group: "model", name: "endpoint", status: "ok", detail: `${origin}, not asked` },
    ]);
    expect(await modelChecks(undefined, false)).toEqual([]);
    expect(asked).toEqual([]);
  });
});
