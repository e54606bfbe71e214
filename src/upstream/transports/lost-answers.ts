import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/client";
import { parseJson } from "../../lib/json.ts";
import type { TooLongLine } from "./line-reader.ts";

/** Largest message taken from a server, in bytes. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** `data` of the error that answers a request whose response stream ended without an answer. Compared by identity. */
export const STREAM_LOST: object = Object.freeze({ reason: "stream lost" });
/** The same for a request whose answer was over the bound. */
export const STREAM_TOO_LARGE: object = Object.freeze({ reason: "answer too large" });

/** The answer that a request gets from us when the server's did not come through. @param data `STREAM_LOST` or `STREAM_TOO_LARGE`. */
export function lostAnswer(id: RequestId, data: object): JSONRPCMessage {
  const message = data === STREAM_LOST ? "the response stream ended early" : "the answer is too large";
  return { jsonrpc: "2.0", id, error: { code: -32_000, message, data } };
}

const ID = String.raw`"id"\s*:\s*(?<id>-?\d{1,16}|"[^"\\]{1,128}")`;
const FIRST = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID}\s*,`, "u");
const LAST = new RegExp(
  String.raw`,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID}\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`,
  "u",
);

/**
 * The id of the request that a message answers which was too long to be read: it is looked for where servers write it, as the
 * first or the last member of the message. What is inside the answer is followed by another brace and is not taken for it.
 *
 * @returns `undefined` when it is at neither end.
 */
export function idOfTooLong({ head, tail }: TooLongLine): RequestId | undefined {
  const text = FIRST.exec(head)?.groups?.["id"] ?? LAST.exec(tail)?.groups?.["id"];
  const id = text === undefined ? undefined : parseJson(text)?.value;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}
