import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { Thread, threadModule } from "../../../src/lib/thread.ts";

interface Question {
  readonly do: string;
  readonly value?: unknown;
}

const threads: Thread<Question, unknown>[] = [];
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.close();
});

function open(idleMs = 60_000): Thread<Question, unknown> {
  const thread = new Thread<Question, unknown>({
    entry: threadModule("../../fixtures/threads/worker", import.meta.url),
    name: "test",
    idleMs,
    resourceLimits: { maxOldGenerationSizeMb: 32 },
    clock: systemClock,
  });
  threads.push(thread);
  return thread;
}

const LONG = 20_000;

test("questions are answered one at a time, in order, by one thread", async () => {
  const thread = open();
  const ids = await Promise.all([thread.ask({ do: "id" }, LONG), thread.ask({ do: "id" }, LONG)]);
  expect(ids[0]).toBe(ids[1]);
  const answers = Array.from({ length: 20 }, (_, value) => thread.ask({ do: "echo", value }, LONG));
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, value) => value));
});

test("what is in shared memory is not copied", async () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(4));
  const echoed = (await open().ask({ do: "echo", value: bytes }, LONG)) as Uint8Array;
  bytes[0] = 7;
  expect(echoed[0]).toBe(7);
});

test.each(["spin", "fill", "exit", "throw"])(
  "a question that makes it %s has no answer; the next one has, from another thread",
  async (what) => {
    const thread = open();
    const before = await thread.ask({ do: "id" }, LONG);
    const [broken, next] = await Promise.all([
      thread.ask({ do: what }, what === "spin" ? 200 : LONG),
      thread.ask({ do: "id" }, LONG),
    ]);
    expect(broken).toBeUndefined();
    expect(next).toEqual(expect.any(Number));
    expect(next).not.toBe(before);
  },
);

test("a question that cannot be sent is refused, and the next one is answered", async () => {
  const thread = open();
  await expect(thread.ask({ do: "echo", value: () => 1 }, LONG)).rejects.toThrow("could not be cloned");
  expect([await thread.ask({ do: "echo", value: 1 }, LONG), thread.waiting]).toEqual([1, 0]);
});

test("it is ended when nobody asks, and started again when somebody does", async () => {
  const thread = open(20);
  const first = await thread.ask({ do: "id" }, LONG);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await thread.ask({ do: "id" }, LONG)).not.toBe(first);
});

test("it sees nothing of the service's environment", async () => {
  expect(await open().ask({ do: "environment" }, LONG)).toEqual([[], ["--disable-warning=ExperimentalWarning"]]);
});

test("closing it while it works leaves that question without an answer; closing twice is safe", async () => {
  const thread = open();
  const asked = thread.ask({ do: "spin" }, LONG);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await thread.close();
  await thread.close();
  expect(await asked).toBeUndefined();
});
