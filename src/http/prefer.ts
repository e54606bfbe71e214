/** What a `Prefer` header asks of the waiting; a member is absent when it asks nothing we know. */
export interface WaitPreference {
  readonly waitMs?: number;
  readonly respondAsync: boolean;
}

/**
 * Reads `Prefer: wait=N` (seconds) and `Prefer: respond-async`; the first of a preference counts.
 *
 * Preferences that are unknown or malformed are ignored, as the header demands.
 *
 * @source RFC 7240 § 2, § 4.1, § 4.3
 */
export function parsePrefer(header: string | null): WaitPreference {
  const preferences = new Map<string, string>();
  for (const part of (header ?? "").split(",")) {
    const [preference = ""] = part.split(";");
    const [name = "", value = ""] = preference.split("=").map((side) => side.trim());
    const key = name.toLowerCase();
    if (!preferences.has(key)) preferences.set(key, value.replaceAll('"', ""));
  }
  const wait = preferences.get("wait");
  const respondAsync = preferences.has("respond-async");
  return wait !== undefined && /^\d{1,9}$/u.test(wait)
    ? { waitMs: Number(wait) * 1_000, respondAsync }
    : { respondAsync };
}

const EVENT_STREAM = "text/event-stream";
const JSON_TYPE = "application/json";

/**
 * Whether an `Accept` header wants an event stream more than JSON; of equal weights the one that is named wins, JSON when
 * both are.
 *
 * @source RFC 9110 § 12.5.1: the most specific range that matches a type gives its weight.
 */
export function prefersEventStream(header: string | null): boolean {
  const weights = parseAccept(header ?? "");
  const stream = weights.get(EVENT_STREAM) ?? 0;
  const named = weights.get(JSON_TYPE);
  if (named !== undefined) return stream > named;
  return stream > 0 && stream >= (weights.get("application/*") ?? weights.get("*/*") ?? 0);
}

function parseAccept(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of header.split(",")) {
    const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const weight = quality === undefined ? 1 : Number(quality);
    weights.set(type, Number.isFinite(weight) ? weight : 0);
  }
  return weights;
}
