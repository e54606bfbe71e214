import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunletError } from "../../src/lib/errors.ts";
import type { Asker, AskerCapabilities, Question } from "../../src/upstream/asker.ts";
import type { Upstream, UpstreamCallOptions, UpstreamResult } from "../../src/upstream/upstream.ts";
import { startAskingServer } from "../support/asking-server.ts";
import { createManualClock } from "../support/manual-clock.ts";
import type { TestServer } from "../support/mcp-http-server.ts";
import { processesWithMark } from "../support/processes.ts";
import {
  createBench,
  httpConfig,
  lifecycle,
  packageProgram,
  patiently,
  stdioConfig,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

let bench: UpstreamBench;
const servers: TestServer[] = [];

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  for (const server of servers.splice(0)) await server.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

const EVERYTHING: AskerCapabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

/** Somebody who answers with a name, and remembers what it was asked. */
function person(name: string, capabilities = EVERYTHING): Asker & { readonly asked: Question[] } {
  const asked: Question[] = [];
  return {
    asked,
    capabilities,
    ask: async (question) => {
      asked.push(question);
      return { action: "accept", content: { name } };
    },
  };
}

const by = (principal: string, asker?: Asker, signal?: AbortSignal): UpstreamCallOptions => ({
  ...patiently(),
  principal,
  asker,
  ...(signal && { signal }),
});

const answerOf = ({ content }: UpstreamResult): unknown => JSON.parse(String(content[0]?.["text"]));
const failureOf = (call: Promise<unknown>): Promise<RunletError> =>
  call.then(
    () => expect.fail("it went well"),
    (error: unknown) => error as RunletError,
  );
const shared = { lifecycle: lifecycle({ sharing: "shared" }) };

describe("a server of the old era that asks on stdio", () => {
  it("is answered by who made the call", async () => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const ada = person("Ada");
    const answer = await upstream.callTool("elicit", { message: "Who are you?" }, by("a", ada));
    expect(answerOf(answer)).toEqual({ action: "accept", content: { name: "Ada" } });
    expect(ada.asked).toMatchObject([
      { server: "server", method: "elicitation/create", params: { message: "Who are you?" } },
    ]);
  });

  it.each<[string, string, object]>([
    ["elicit", "elicitation", { mode: "form", question: "Name?" }],
    ["sample", "sampling", { question: "Say hi" }],
    ["roots", "roots", {}],
  ])("ends the call of %s with a typed error where nobody can be asked", async (tool, kind, details) => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const error = await failureOf(upstream.callTool(tool, {}, by("a")));
    expect(error).toMatchObject({
      code: "UPSTREAM_NEEDS_INPUT",
      message: expect.stringMatching(
        new RegExp(
          `^Cannot finish tool "${tool}" of server "server" as its caller cannot be asked for that: it asks for ${kind}`,
          "u",
        ),
      ),
      context: { server: "server", tool, details: { kind, ...details } },
    });
    expect(error.context.hint).toMatch(/./u);
  });

  it("keeps the answer of a tool that goes on without", async () => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const without = await upstream.callTool("optional", {}, by("a"));
    const given = await upstream.callTool("optional", {}, by("a", person("Ada")));
    expect([without.content[0]?.["text"], given.content[0]?.["text"]]).toEqual(["without", "with"]);
  });

  it("may ask the caller's model only where its configuration says so", async () => {
    const ada = person("Ada");
    const refused = await failureOf(bench.upstream(bench.fixture("asks")).callTool("sample", {}, by("a", ada)));
    expect([refused.code, ada.asked]).toEqual(["UPSTREAM_NEEDS_INPUT", []]);
    const forwarding = bench.upstream(bench.fixture("asks", { sampling: "forward" }));
    await forwarding.callTool("sample", {}, by("a", ada));
    expect(ada.asked.map(({ method }) => method)).toEqual(["sampling/createMessage"]);
  });

  it("asks in the mode that the caller can take only", async () => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const ada = person("Ada", { elicitation: { form: {} } });
    const url = { mode: "url", url: "https://example.com/a", elicitationId: "1" };
    const error = await failureOf(upstream.callTool("elicit", url, by("a", ada)));
    expect(error.context.details).toMatchObject({ kind: "elicitation", mode: "url" });
    await upstream.callTool("elicit", url, by("a", person("Bob")));
    expect(ada.asked).toEqual([]);
  });

  it("is put to nobody while two calls are in flight", async () => {
    const upstream = bench.upstream(bench.fixture("asks", shared));
    const [ada, bob] = [person("Ada"), person("Bob")];
    const giveUp = new AbortController();
    const hanging = failureOf(upstream.callTool("hang", {}, by("a", ada, giveUp.signal)));
    await until(() => upstream.status().sessions.some(({ inFlight }) => inFlight === 1));
    const refused = await upstream.callTool("elicit", {}, by("b", bob));
    expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("cannot be known") }] });
    giveUp.abort();
    await hanging;
    expect([ada.asked, bob.asked]).toEqual([[], []]);
  });

  it("is put to nobody else once a call was given up, whose question it could be", async () => {
    const upstream = bench.upstream(bench.fixture("asks", shared));
    const [ada, bob] = [person("Ada"), person("Bob")];
    const giveUp = new AbortController();
    const hanging = failureOf(upstream.callTool("hang", {}, by("a", ada, giveUp.signal)));
    await until(() => upstream.status().sessions.some(({ inFlight }) => inFlight === 1));
    giveUp.abort();
    await hanging;
    const refused = await upstream.callTool("elicit", {}, by("b", bob));
    expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("cannot be known") }] });
    expect(answerOf(await upstream.callTool("elicit", {}, by("a", ada)))).toMatchObject({ content: { name: "Ada" } });
    expect(bob.asked).toEqual([]);
  });

  it("ends the call when the person does not answer in five minutes, and no sooner: the call's own time stands still", async () => {
    const clock = createManualClock();
    const upstream = bench.upstream(bench.fixture("asks", { callTimeoutMs: 1_000 }), { clock });
    let paused = 0;
    const pause = (): Disposable => {
      paused += 1;
      return { [Symbol.dispose]: () => void (paused -= 1) };
    };
    const silent = { capabilities: EVERYTHING, ask: () => new Promise<never>(() => undefined) };
    const call = failureOf(upstream.callTool("elicit", {}, { ...by("a", silent), timeoutMs: 1_000, pause }));
    await until(() => paused === 1);
    clock.advance(299_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(paused).toBe(1);
    clock.advance(1);
    expect(await call).toMatchObject({
      code: "UPSTREAM_NEEDS_INPUT",
      message: expect.stringContaining("as its caller did not answer: it asks for elicitation"),
    });
    expect(paused).toBe(0);
  });

  it("tells no secret in its question", async () => {
    const redact = (text: string): string => text.replaceAll("hunter2", "***");
    const upstream = bench.upstream(bench.fixture("asks"), { redact });
    const message = `Is hunter2 right? ${"x".repeat(5_000)}`;
    const error = await failureOf(upstream.callTool("elicit", { message }, by("a")));
    expect(JSON.stringify([error.message, error.context.details])).not.toContain("hunter2");
    expect(error.message.length).toBeLessThan(1_500);
  });
});

describe("a server of the old era that asks over HTTP", () => {
  async function open(): Promise<Upstream> {
    const server = await startAskingServer();
    servers.push(server);
    return bench.upstream(httpConfig(server.url, shared));
  }

  it("is answered by the caller of the very call, of many in one session", async () => {
    const upstream = await open();
    await upstream.tools();
    const people = Array.from({ length: 12 }, (_, index) => person(`person ${index}`));
    const answers = await Promise.all(
      people.map((asker, index) => upstream.callTool("elicit", { message: `for ${index}` }, by(`p${index}`, asker))),
    );
    expect(answers.map(answerOf)).toEqual(
      people.map((_, index) => ({ action: "accept", content: { name: `person ${index}` } })),
    );
    expect(people.map(({ asked }) => asked.map(({ params }) => params["message"]))).toEqual(
      people.map((_, index) => [`for ${index}`]),
    );
  });

  it("is put to nobody when it names no call and two are in flight", async () => {
    const upstream = await open();
    const [ada, bob] = [person("Ada"), person("Bob")];
    const holding = upstream.callTool("hold", {}, by("a", ada));
    await until(() => upstream.status().sessions.some(({ inFlight }) => inFlight === 1));
    const refused = await upstream.callTool("stray", { message: "for Bob" }, by("b", bob));
    expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("cannot be known") }] });
    await upstream.callTool("free", {}, by("b", bob));
    await holding;
    expect([ada.asked, bob.asked]).toEqual([[], []]);
    expect(answerOf(await upstream.callTool("stray", { message: "for Bob" }, by("b", bob)))).toMatchObject({
      content: { name: "Bob" },
    });
  });
});

describe("a server of the new era that asks", () => {
  it("is called again with the answer and its own state", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    const answer = await upstream.callTool("ask", {}, by("a", person("Ada")));
    expect(answerOf(answer)).toEqual({ name: { action: "accept", content: { name: "Ada" } }, state: "the state" });
  });

  it("is told of each call what its caller can be asked for", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await upstream.callTool("ask", {}, by("a", person("Ada")));
    await failureOf(upstream.callTool("ask", {}, by("a", person("Bob", {}))));
    const told = bench.events().filter(({ event }) => event === "capabilities");
    expect(told).toMatchObject([{ elicitation: { form: {}, url: {} }, roots: {} }, {}]);
    expect(told.map((each) => Object.hasOwn(each, "sampling"))).toEqual([false, false]);
    expect(Object.hasOwn(told[1] ?? {}, "elicitation")).toBe(false);
  });

  it("ends the call with what the person's refusal to be asked was", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    const asker = { capabilities: EVERYTHING, ask: () => Promise.reject(new Error("the window was closed")) };
    expect(await failureOf(upstream.callTool("ask", {}, by("a", asker)))).toMatchObject({
      code: "UPSTREAM_NEEDS_INPUT",
      message: expect.stringContaining("its caller did not answer"),
    });
  });
});

describe("the reference server", () => {
  it("asks through its tool of elicitation, and gets the answer", async () => {
    const program = packageProgram("@modelcontextprotocol/server-everything");
    const upstream = bench.upstream(stdioConfig([program, "stdio"]));
    const names = (await upstream.tools()).map(({ name }) => name);
    const tool = names.find((name) => /elicit/iu.test(name)) ?? expect.fail(`none among ${names.join(", ")}`);
    const ada = person("Ada");
    const answer = await upstream.callTool(tool, {}, by("a", ada));
    expect(ada.asked).toHaveLength(1);
    expect(JSON.stringify(answer.content)).toContain("Ada");
  });
});
