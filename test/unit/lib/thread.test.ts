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

test("owners take turns, each in its own order", async () => {
  const thread = open();
  const order: string[] = [];
  const ask = async (owner: string, value: number): Promise<void> => {
    await thread.ask({ do: "echo", value }, LONG, { owner });
    order.push(`${owner}${value}`);
  };
  const asked = [1, 2, 3, 4].map((value) => ask("mallory", value));
  asked.push(ask("ann", 1), ask("bob", 1), ask("ann", 2));
  expect([thread.waiting("mallory"), thread.waiting("ann"), thread.waiting()]).toEqual([4, 2, 0]);
  await Promise.all(asked);
  expect(order).toEqual(["mallory1", "ann1", "bob1", "mallory2", "ann2", "mallory3", "mallory4"]);
});

test("a question whose asker gives up before its turn is never asked", async () => {
  const thread = open();
  const controller = new AbortController();
  const first = thread.ask({ do: "id" }, LONG);
  const second = thread.ask({ do: "exit" }, LONG, { signal: controller.signal });
  const third = thread.ask({ do: "id" }, LONG);
  controller.abort(new Error("given up"));
  await expect(second).rejects.toThrow("given up");
  await expect(thread.ask({ do: "exit" }, LONG, { signal: controller.signal })).rejects.toThrow("given up");
  expect(await third).toBe(await first);
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
  expect([await thread.ask({ do: "echo", value: 1 }, LONG), thread.waiting()]).toEqual([1, 0]);
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

test("closing it leaves what waits without an answer too", async () => {
  const thread = open();
  const asked = [1, 2, 3].map(() => thread.ask({ do: "spin" }, LONG));
  await thread.close();
  expect(await Promise.all(asked)).toEqual([undefined, undefined, undefined]);
  expect(thread.waiting()).toBe(0);
});

test("closing it while it works leaves that question without an answer; closing twice is safe", async () => {
  const thread = open();
  const asked = thread.ask({ do: "spin" }, LONG);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await thread.close();
  await thread.close();
  expect(await asked).toBeUndefined();
});
