import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { STREAM_TOO_LARGE } from "../../../../src/upstream/transports/lost-answers.ts";
import { StdioTransport, type StdioTransportOptions } from "../../../../src/upstream/transports/stdio.ts";
import { aliveInGroup, isAlive } from "../../../support/processes.ts";
import { fixturePath, until } from "../../../support/upstreams.ts";

interface Observed {
  readonly transport: StdioTransport;
  readonly messages: JSONRPCMessage[];
  readonly errors: Error[];
  closes: number;
}

const observed: Observed[] = [];

afterEach(async () => {
  for (const { transport } of observed.splice(0)) await transport.close();
});

function observe(args: readonly string[], options: Partial<StdioTransportOptions> = {}): Observed {
  const transport = new StdioTransport({
    server: "test",
    command: process.execPath,
    args,
    env: {},
    cwd: undefined,
    clock: systemClock,
    ...options,
  });
  const seen: Observed = { transport, messages: [], errors: [], closes: 0 };
  Object.assign(transport, {
    onmessage: (message: JSONRPCMessage) => seen.messages.push(message),
    onerror: (error: Error) => seen.errors.push(error),
    onclose: () => (seen.closes += 1),
  });
  observed.push(seen);
  return seen;
}

const PING: JSONRPCMessage = { jsonrpc: "2.0", id: 1, method: "no-such-method" };

describe("StdioTransport", () => {
  it("starts the process in a group of its own", async () => {
    const { transport } = observe([fixturePath("tiny")]);
    await transport.start();
    expect(aliveInGroup(transport.pid ?? 0)).toEqual([transport.pid]);
  });

  it("starts once", async () => {
    const { transport } = observe([fixturePath("tiny")]);
    await transport.start();
    await expect(transport.start()).rejects.toThrow("a stdio transport starts once");
  });

  it("sends and receives messages as lines", async () => {
    const { transport, messages } = observe([fixturePath("tiny")]);
    await transport.start();
    await transport.send(PING);
    await until(() => messages.length === 1);
    expect(messages).toEqual([{ jsonrpc: "2.0", id: 1, error: { code: -32_601, message: "Method not found" } }]);
  });

  it("sends no character at which a reader might split a line", async () => {
    const program = "process.stdin.once('data', (d) => { process.stderr.write(d); process.exit(0); })";
    const { transport } = observe(["-e", program]);
    await transport.start();
    await transport.send({ jsonrpc: "2.0", method: "m", params: { text: "a\u2028b\u2029c\nd\re" } });
    await until(() => transport.exit !== undefined);
    await transport.close();
    expect(transport.stderr).toEqual([
      String.raw`{"jsonrpc":"2.0","method":"m","params":{"text":"a\u2028b\u2029c\nd\re"}}`,
    ]);
  });

  it("reads messages that come together in an array", async () => {
    const program = `console.log('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]')`;
    const { transport, messages } = observe(["-e", program]);
    await transport.start();
    await until(() => messages.length === 2);
    expect(messages.map((message) => "method" in message && message.method)).toEqual(["a", "b"]);
  });

  it("keeps what is not JSON-RPC with stderr and reports it", async () => {
    const { transport, messages, errors } = observe([fixturePath("garbage")]);
    await transport.start();
    await until(() => transport.stderr.length === 4);
    expect(transport.noisy).toBe(true);
    expect(messages).toEqual([]);
    expect(errors.every((error) => error.message === "a line on stdout is not JSON-RPC")).toBe(true);
  });

  it("passes over a message that is too large and answers its request itself; the session goes on", async () => {
    const write = (message: string): string => `process.stdout.write(${message} + '\\n');`;
    const program = [
      write(`'{"jsonrpc":"2.0","id":7,"result":{"text":"' + 'x'.repeat(5000) + '"}}'`),
      write(`'{"result":{"text":"' + 'x'.repeat(5000) + '"},"jsonrpc":"2.0","id":"eight"}'`),
      write(`'{"jsonrpc":"2.0","method":"' + 'x'.repeat(5000) + '"}'`),
      write(`'{"jsonrpc":"2.0","id":9,"result":{}}'`),
      "process.stdin.resume();",
    ].join("");
    const seen = observe(["-e", program], { maxMessageBytes: 1_000 });
    await seen.transport.start();
    await until(() => seen.messages.length === 3);
    const error = { code: -32_000, message: "the answer is too large", data: STREAM_TOO_LARGE };
    expect(seen.messages).toEqual([
      { jsonrpc: "2.0", id: 7, error },
      { jsonrpc: "2.0", id: "eight", error },
      { jsonrpc: "2.0", id: 9, result: {} },
    ]);
    expect(seen.errors.map(({ message }) => message)).toEqual(
      Array.from({ length: 3 }, () => "a message over 1000 bytes was passed over"),
    );
    expect([seen.transport.fatal, seen.closes]).toEqual([undefined, 0]);
  });

  it("ends a session whose message has no end, telling why, and its process", async () => {
    const seen = observe(["-e", "process.stdout.write('x'.repeat(20000)); setInterval(() => {}, 1000)"], {
      maxMessageBytes: 1_000,
      grace: { stdinMs: 50, termMs: 50 },
    });
    await seen.transport.start();
    const pid = seen.transport.pid ?? 0;
    await until(() => seen.closes === 1);
    expect(seen.transport.fatal).toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: 'Cannot read from server "test" as a message must be at most 1000 bytes: it sends one without end.',
    });
    await expect(seen.transport.send(PING)).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await until(() => !isAlive(pid));
    expect(seen.closes).toBe(1);
  });

  it("reads what the process wrote last before it ended", async () => {
    const program = `for (let i = 0; i < 2000; i++) process.stdout.write('{"jsonrpc":"2.0","method":"n"}\\n')`;
    const seen = observe(["-e", program]);
    await seen.transport.start();
    await until(() => seen.closes === 1);
    expect(seen.messages).toHaveLength(2_000);
    expect(seen.transport.exit).toBe("exited with code 0");
    expect(seen.transport.pid).toBeUndefined();
  });

  it("reports a handler that throws and goes on", async () => {
    const seen = observe([fixturePath("tiny")]);
    let calls = 0;
    Object.assign(seen.transport, {
      onmessage: () => {
        calls += 1;
        throw new Error("a defect");
      },
    });
    await seen.transport.start();
    await seen.transport.send(PING);
    await seen.transport.send(PING);
    await until(() => calls === 2);
    expect(seen.errors.map(({ message }) => message)).toEqual(["a defect", "a defect"]);
  });

  it("holds a sender back while the process does not read", async () => {
    const { transport } = observe(["-e", "setInterval(() => {}, 1000)"], { grace: { stdinMs: 20, termMs: 500 } });
    await transport.start();
    let sent = false;
    const params = { text: "x".repeat(4 * 1024 * 1024) };
    const sending = transport.send({ jsonrpc: "2.0", method: "m", params }).then(() => (sent = true));
    const failing = expect(sending).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      context: { server: "test", details: { sent: false } },
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sent).toBe(false);
    await transport.close();
    await failing;
  });

  it("says which setting is wrong when the process cannot start", async () => {
    const noCommand = observe([], { command: "/nowhere/tool" });
    await expect(noCommand.transport.start()).rejects.toMatchObject({
      message:
        'Cannot start server "test" as its command must be an executable file on the PATH: current value is "tool" (ENOENT).',
      context: { hint: "Install it, or correct command of mcpServers.test." },
    });
    const noFolder = observe([], { cwd: "/nowhere/folder" });
    await expect(noFolder.transport.start()).rejects.toMatchObject({
      message: 'Cannot start server "test" as its working folder must exist: current value is "folder".',
      context: { hint: "Install it, or correct cwd of mcpServers.test." },
    });
    expect([noCommand.closes, noFolder.closes]).toEqual([1, 1]);
  });

  it("goes from a closed stdin over SIGTERM to SIGKILL", async () => {
    const ends = async (program: string): Promise<string | undefined> => {
      const { transport } = observe(["-e", `${program}; process.stderr.write("up\\n")`], {
        grace: { stdinMs: 150, termMs: 150 },
      });
      await transport.start();
      await until(() => transport.stderr.length > 0);
      await transport.close();
      return transport.exit;
    };
    expect(await ends("process.stdin.resume()")).toBe("exited with code 0");
    expect(await ends("setInterval(() => {}, 1000)")).toBe("was ended by SIGTERM");
    expect(await ends("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)")).toBe("was ended by SIGKILL");
  });

  it("closes when it never started, and twice", async () => {
    const seen = observe([fixturePath("tiny")]);
    await seen.transport.close();
    await seen.transport.close();
    expect(seen.closes).toBe(1);
    await expect(seen.transport.start()).rejects.toThrow("starts once");
    await expect(seen.transport.send(PING)).rejects.toMatchObject({ context: { details: { sent: false } } });
  });

  it("leaves no process behind when it is closed while starting", async () => {
    const { transport } = observe([fixturePath("tiny")]);
    const starting = transport.start();
    const pid = transport.pid ?? 0;
    await Promise.allSettled([starting, transport.close()]);
    expect(pid).toBeGreaterThan(1);
    expect(isAlive(pid)).toBe(false);
  });
});
