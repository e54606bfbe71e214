import { RunletError } from "../lib/errors.ts";

const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)$/u;
const UTF8 = /^utf-?8$/u;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Deepest nesting of a request: far more than people write, far less than what overflows a recursive reader. */
export const MAX_JSON_DEPTH = 500;

/**
 * Checks that a request says its body is JSON: a page of a foreign site cannot say so without asking first.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE
 */
export function requireJson(request: Request): void {
  const header = request.headers.get("content-type") ?? "";
  const [type = "", ...parameters] = header.split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  const isUtf8 = charset === undefined || UTF8.test(charset.replaceAll('"', ""));
  const isPlain = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase() === "identity";
  if (JSON_TYPE.test(type) && isUtf8 && isPlain) return;
  const current = header === "" ? "absent" : JSON.stringify(header.slice(0, 100));
  throw new RunletError(
    "UNSUPPORTED_MEDIA_TYPE",
    `Cannot read the body as it must be JSON in UTF-8, not compressed: current Content-Type is ${current}.`,
    { hint: "Send the header `Content-Type: application/json`." },
  );
}

/**
 * Reads a whole body within a size limit; a body without a declared length is counted while it arrives.
 *
 * @throws REQUEST_TOO_LARGE
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("content-length");
  if (declared !== null && !request.headers.has("transfer-encoding")) {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    const whole = new Uint8Array(await request.arrayBuffer());
    if (whole.byteLength > maxBytes) throw tooLarge(maxBytes);
    return whole;
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/**
 * Parses a body as JSON text.
 *
 * @throws REQUEST_INVALID when it is not UTF-8, not JSON, or nested deeper than 500.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) throw notJson("is empty");
  const text = decode(bytes);
  if (nestsDeeper(text, MAX_JSON_DEPTH)) throw notJson(`is nested deeper than ${MAX_JSON_DEPTH}`);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw notJson(cause instanceof Error ? `does not parse (${cause.message})` : "does not parse", cause);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw notJson("is not UTF-8", cause);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, `]` and `}`: each pair is told apart by one bit. */
const OPENING = 0x5b;
const CLOSING = 0x5d;
const BRACE_BIT = 0x20;

/** Counts brackets outside of strings; what is not JSON may be counted wrongly and is refused by the parser then. */
function nestsDeeper(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if ((unit & ~BRACE_BIT) === OPENING) {
      depth += 1;
      if (depth > max) return true;
    } else if ((unit & ~BRACE_BIT) === CLOSING) depth -= 1;
  }
  return false;
}

function notJson(fault: string, cause?: unknown): RunletError {
  return new RunletError("REQUEST_INVALID", `Cannot read the body as it must be JSON: it ${fault}.`, {
    details: { problems: [{ pointer: "", message: fault }] },
    cause,
  });
}

function tooLarge(maxBytes: number): RunletError {
  return new RunletError("REQUEST_TOO_LARGE", `Cannot read the body as it must be at most ${maxBytes} bytes long.`, {
    hint: "Send less, or have the operator raise the limit of request bodies.",
    details: { maxBytes },
  });
}
