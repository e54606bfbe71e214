import type { JSONRPCMessage, StandardSchemaV1 } from "@modelcontextprotocol/client";
import { isRecord } from "../../lib/guards.ts";

/** Member of a result that holds it as the server sent it. */
export const RAW_RESULT = "runlet.raw";

/**
 * Takes the parts of a tool list or a tool's answer out of the SDK's sight and keeps them under `RAW_RESULT`.
 *
 * The SDK checks a list as a whole and refuses all of it for one malformed tool, and refuses an answer for one block of
 * a kind it does not know; it also copies what it checks. Here each tool is judged alone and an answer stays as it came.
 * A result that asks for input (`resultType` other than `complete`) is the SDK's to handle and left alone.
 */
export function setRawAside(message: JSONRPCMessage): JSONRPCMessage {
  if (!("result" in message) || !isRecord(message.result)) return message;
  const raw: Record<string, unknown> = message.result;
  if (raw["resultType"] !== undefined && raw["resultType"] !== "complete") return message;
  if (Array.isArray(raw["tools"])) {
    const { nextCursor: _, ...rest } = raw;
    return { ...message, result: { ...rest, tools: [], [RAW_RESULT]: raw } };
  }
  if (Array.isArray(raw["content"]) || Object.hasOwn(raw, "structuredContent")) {
    const { structuredContent: _, isError: __, ...rest } = raw;
    return { ...message, result: { ...rest, content: [], [RAW_RESULT]: raw } };
  }
  return message;
}

/** What `setRawAside` kept. @returns `undefined` when the result was not of a kind it takes. */
export function rawResult(result: unknown): Readonly<Record<string, unknown>> | undefined {
  const raw = isRecord(result) ? result[RAW_RESULT] : undefined;
  return isRecord(raw) ? raw : undefined;
}

/** Schema, as the SDK takes one, that lets an answer pass as it came: who asked for it looks at what is kept aside. */
export const ANY_ANSWER: StandardSchemaV1<unknown> = {
  "~standard": { version: 1, vendor: "runlet", validate: (value) => ({ value }) },
};
