import { connect } from "node:net";
import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { openRedirect, type LoopbackRedirect } from "../../../../src/upstream/oauth/loopback-redirect.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const open: LoopbackRedirect[] = [];
afterEach(() => {
  for (const redirect of open.splice(0)) redirect.close();
});

async function setup({ signal = new AbortController().signal, port = 0 } = {}) {
  const clock = createManualClock();
  const isGood = (answer: URLSearchParams): boolean => answer.get("state") === "good";
  const redirect = await openRedirect({ port, waitMs: 1_000, signal, isGood }, clock);
  open.push(redirect);
  return { clock, redirect, url: redirect.url };
}

/** A request with a Host header of one's own choice. */
function statusOf(
  url: string,
  options: { readonly host?: string; readonly method?: string },
): Promise<number | undefined> {
  const { host, method = "GET" } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent: false, ...(host && { headers: { host } }) }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once("error", reject);
    sent.end();
  });
}

describe("where the browser comes back to", () => {
  test("is 127.0.0.1, takes one answer and is gone", async () => {
    const { redirect, url } = await setup();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/u);
    const page = await fetch(`${url}?state=good&code=c`);
    expect([page.status, page.headers.get("cache-control"), page.headers.get("referrer-policy")]).toEqual([
      200,
      "no-store",
      "no-referrer",
    ]);
    expect(await page.text()).not.toMatch(/good|code=/u);
    expect(Object.fromEntries(await redirect.answer)).toEqual({ state: "good", code: "c" });
    await expect(fetch(`${url}?state=good&code=d`)).rejects.toThrow("fetch failed");
  });

  test("tells the browser when the answer is not right, and is gone then too", async () => {
    const { redirect, url } = await setup();
    expect((await fetch(`${url}?state=bad`)).status).toBe(400);
    expect((await redirect.answer).get("state")).toBe("bad");
    await expect(fetch(`${url}?state=good`)).rejects.toThrow("fetch failed");
  });

  test.each([
    ["another path", "/favicon.ico", {}],
    ["another method", "/callback?state=good", { method: "POST" }],
    ["another name", "/callback?state=good", { host: "attacker.example" }],
    ["the name of this machine", "/callback?state=good", { host: "localhost" }],
  ])("answers %s with 404, and goes on waiting", async (_what, path, options) => {
    const { redirect, url } = await setup();
    expect(await statusOf(new URL(path, url).href, options)).toBe(404);
    await fetch(`${url}?state=good`);
    expect((await redirect.answer).get("state")).toBe("good");
  });

  test("does not wait for those who are connected and say nothing", async () => {
    const { url } = await setup();
    const idle = connect(Number(new URL(url).port), "127.0.0.1");
    await new Promise((resolve) => idle.once("connect", resolve));
    const closed = new Promise((resolve) => idle.once("close", resolve));
    idle.on("error", () => undefined);
    await fetch(`${url}?state=good`);
    await closed;
  });

  test("waits no longer than it may", async () => {
    const { redirect, url, clock } = await setup();
    const failure = expect(redirect.answer).rejects.toThrow("nobody logged in within 1 seconds");
    clock.advance(1_000);
    await failure;
    expect(clock.pending()).toBe(0);
    await expect(fetch(`${url}?state=good`)).rejects.toThrow("fetch failed");
  });

  test("is gone at once when the command is stopped", async () => {
    const stop = new AbortController();
    const { redirect, url, clock } = await setup({ signal: stop.signal });
    const failure = expect(redirect.answer).rejects.toThrow("enough");
    stop.abort(new Error("enough"));
    await failure;
    expect(clock.pending()).toBe(0);
    await expect(fetch(`${url}?state=good`)).rejects.toThrow("fetch failed");
    await expect(setup({ signal: stop.signal })).rejects.toThrow("enough");
  });

  test("has the port that is asked for, or none", async () => {
    const { url, redirect } = await setup();
    const port = Number(new URL(url).port);
    await expect(setup({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    redirect.close();
    expect((await setup({ port })).url).toBe(url);
  });
});
