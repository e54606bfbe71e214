import { SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { isRecord } from "../../lib/guards.ts";

/** Longest wait that a server is believed to ask for. */
const MAX_WAIT_MS = 86_400_000;
const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

/**
 * The refusal of a server that has no room for a request now. The SDK's own tells the status, and nothing of when to come back.
 *
 * @returns `undefined` for any other answer, which is left as it is.
 */
export async function busyAnswer(response: Response, nowMs: number): Promise<SdkHttpError | undefined> {
  const { status, statusText, headers } = response;
  if (status !== TOO_MANY_REQUESTS && status !== UNAVAILABLE) return undefined;
  const text = await response.text();
  const retryAfterMs = readRetryAfter(headers.get("retry-after"), nowMs);
  const data = { status, statusText, text, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new SdkHttpError(SdkErrorCode.SendFailed, `the server answered HTTP ${status}`, data);
}

/** How long a busy server asks to wait, ms; and whether it says that it did nothing. `undefined`: the answer is another. */
export function readBusy(error: SdkHttpError): { readonly sent: boolean; readonly retryAfterMs?: number } | undefined {
  if (error.status !== TOO_MANY_REQUESTS && error.status !== UNAVAILABLE) return undefined;
  const data: unknown = error.data;
  const ms = isRecord(data) ? data["retryAfterMs"] : undefined;
  // Who limits requests refuses them before they begin (RFC 6585 § 4); who is down may have begun.
  return { sent: error.status === UNAVAILABLE, ...(typeof ms === "number" && { retryAfterMs: ms }) };
}

/** @source RFC 9110 § 10.2.3: seconds, or a date. */
function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  const ms = /^\d{1,9}$/u.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.round(ms), 0), MAX_WAIT_MS);
}
