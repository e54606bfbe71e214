import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { toCallError, toStartError, wasNotSent } from "../../../src/upstream/failures.ts";
import { STREAM_LOST, STREAM_TOO_LARGE } from "../../../src/upstream/transports/lost-answers.ts";
import { httpConfig, stdioConfig } from "../../support/upstreams.ts";

const CALL = { server: "files", tool: "read", ended: undefined, hasSession: false };
const PREFIX = 'Cannot call tool "read" of server "files" as ';

function http(status: number, text = ""): SdkHttpError {
  return new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, "Error POSTing to endpoint", { status, text });
}

function network(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`connect ${code} 10.0.0.1:80`), { code }) });
}

function seen(error: RunletError): readonly unknown[] {
  return [error.code, error.message.replace(PREFIX, ""), error.context.details];
}

describe("toCallError", () => {
  it.each([
    [
      "a protocol error",
      new ProtocolError(-32_602, "no such path"),
      ["UPSTREAM_PROTOCOL", "the server refused it: no such path.", { code: -32_602 }],
    ],
    [
      "a lost stream",
      new ProtocolError(-32_000, "x", STREAM_LOST),
      ["UPSTREAM_UNAVAILABLE", "its connection must last: it ended before the answer.", { sent: true }],
    ],
    [
      "too large a stream",
      new ProtocolError(-32_000, "x", STREAM_TOO_LARGE),
      ["UPSTREAM_PROTOCOL", "an answer must be of bounded size: it is larger.", undefined],
    ],
    [
      "data that only looks like a lost stream",
      new ProtocolError(-32_000, "x", { reason: "stream lost" }),
      ["UPSTREAM_PROTOCOL", "the server refused it: x.", { code: -32_000 }],
    ],
    [
      "a missing capability",
      new ProtocolError(-32_021, "x"),
      [
        "UPSTREAM_NEEDS_INPUT",
        "its caller cannot be asked for input: the tool asks for some.",
        { kind: "elicitation" },
      ],
    ],
    [
      "a missing capability that it names",
      new ProtocolError(-32_021, "x", { requiredCapabilities: { sampling: {} } }),
      ["UPSTREAM_NEEDS_INPUT", "its caller cannot be asked for input: the tool asks for some.", { kind: "sampling" }],
    ],
    [
      "a closed connection",
      new SdkError(SdkErrorCode.ConnectionClosed, "x"),
      ["UPSTREAM_UNAVAILABLE", "its connection must last: it was closed.", { sent: true }],
    ],
    [
      "no connection",
      new SdkError(SdkErrorCode.NotConnected, "x"),
      ["UPSTREAM_UNAVAILABLE", "its connection must be open: it was closed.", { sent: false }],
    ],
    [
      "an answer the SDK refuses",
      new SdkError(SdkErrorCode.InvalidResult, "bad shape"),
      ["UPSTREAM_PROTOCOL", "its answer must be a message of the protocol: bad shape.", undefined],
    ],
    [
      "a refused connection",
      network("ECONNREFUSED"),
      ["UPSTREAM_UNAVAILABLE", "the server must be reachable: ECONNREFUSED.", { sent: false }],
    ],
    [
      "a reset connection",
      network("ECONNRESET"),
      ["UPSTREAM_UNAVAILABLE", "the server must be reachable: ECONNRESET.", { sent: true }],
    ],
    [
      "HTTP 503",
      http(503, "<html>"),
      ["UPSTREAM_UNAVAILABLE", "the server must accept requests: it answered HTTP 503.", { sent: true }],
    ],
    [
      "HTTP 404 without a session",
      http(404),
      ["UPSTREAM_UNAVAILABLE", "the server must accept requests: it answered HTTP 404.", { sent: true }],
    ],
    [
      "an error in an HTTP body",
      http(400, '{"error":{"code":-32600,"message":"bad header"}}'),
      ["UPSTREAM_PROTOCOL", "the server refused it: bad header.", { code: -32_600, status: 400 }],
    ],
  ])("words %s", (_, thrown, expected) => {
    const error = toCallError(thrown, CALL);
    expect(seen(error)).toEqual(expected);
    expect(error.context).toMatchObject({ server: "files", tool: "read" });
    expect(error.cause).toBe(thrown);
  });

  it.each([
    [404, "", false],
    [404, '{"error":{"code":-32001,"message":"Session not found"}}', false],
    [400, '{"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}', false],
    [400, '{"error":{"code":-32602,"message":"bad arguments"}}', undefined],
    [500, "session store is down", true],
  ])("takes HTTP %i %s for a lost session only where it is one", (status, text, sent) => {
    const error = toCallError(http(status, text), { ...CALL, hasSession: true });
    expect((error.context.details as { sent?: boolean }).sent).toBe(sent);
  });

  it("says how the process ended", () => {
    const error = toCallError(new SdkError(SdkErrorCode.ConnectionClosed, "x"), {
      ...CALL,
      ended: "exited with code 7",
    });
    expect(error.message).toBe(`${PREFIX}its connection must last: exited with code 7.`);
  });

  it("keeps an error of ours and adds where it happened", () => {
    const own = new RunletError("UPSTREAM_PROTOCOL", "too large", { hint: "ask for less" });
    expect(toCallError(own, CALL)).toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: "too large",
      context: { hint: "ask for less", server: "files", tool: "read" },
    });
  });

  it("bounds what a server says", () => {
    expect(toCallError(new ProtocolError(-1, "x".repeat(100_000)), CALL).message.length).toBeLessThan(4_300);
  });
});

describe("wasNotSent", () => {
  it("is true only where the error says so", () => {
    expect(wasNotSent(toCallError(network("ECONNREFUSED"), CALL))).toBe(true);
    expect(wasNotSent(toCallError(network("ECONNRESET"), CALL))).toBe(false);
    expect(wasNotSent(new RunletError("TOOL_TIMEOUT", "late", { details: { sent: false } }))).toBe(false);
    expect(wasNotSent(new Error("other"))).toBe(false);
  });
});

describe("toStartError", () => {
  const stdio = stdioConfig([], { name: "files" });
  const remote = httpConfig("http://user:password@10.1.2.3/mcp?token=abc", { name: "remote" });

  it.each([
    [
      "the end of its process",
      stdio,
      new Error("x"),
      "exited with code 1",
      'Cannot start server "files" as its process must stay up through the handshake: it exited with code 1.',
    ],
    [
      "wrong credentials",
      remote,
      new SdkError(SdkErrorCode.EraNegotiationFailed, "x", {}, { cause: http(403) }),
      undefined,
      'Cannot reach server "remote" as it must accept our credentials: it answered HTTP 403.',
    ],
    [
      "a wrong URL",
      remote,
      http(404),
      undefined,
      'Cannot reach server "remote" as its URL must answer MCP requests: it answered HTTP 404.',
    ],
    [
      "a name that is not known",
      remote,
      network("ENOTFOUND"),
      undefined,
      'Cannot reach server "remote" as its URL must accept connections: ENOTFOUND.',
    ],
    [
      "a refusal of the handshake",
      stdio,
      new ProtocolError(-32_600, "not today"),
      undefined,
      'Cannot start server "files" as it must finish the handshake: not today.',
    ],
  ])("words %s, and holds neither URL nor credential", (_, config, thrown, exit, message) => {
    const error = toStartError(thrown, config, "handshake", exit);
    expect(error).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", message });
    expect(error.context).toMatchObject({
      server: config.name,
      hint: expect.any(String) as string,
      details: { sent: false },
    });
    expect(JSON.stringify([error.message, error.context])).not.toMatch(/password|token|10\.1\.2\.3/u);
  });

  it("keeps an error that already says that the server is unavailable", () => {
    const own = new RunletError("UPSTREAM_UNAVAILABLE", "already said");
    expect(toStartError(own, stdio, "spawn", undefined)).toBe(own);
  });

  it("makes a breach of the protocol an unavailable server", () => {
    const breach = new RunletError("UPSTREAM_PROTOCOL", "Cannot read from server.");
    expect(toStartError(breach, stdio, "list", "was ended by SIGKILL")).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot start server "files" as it must keep to the protocol: Cannot read from server.',
    });
  });
});
