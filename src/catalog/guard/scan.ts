import { byteLength } from "../../lib/bounded-text.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";
import { findBlob, findExfiltration, findSecretPath } from "./scan-leaks.ts";
import { findOrder } from "./scan-orders.ts";
import { textsOf } from "./scan-places.ts";
import type { PlacedText } from "./scan-places.ts";
import { clip, excerptAt, MAX_EXCERPT, readings, showUnseen } from "./scan-text.ts";
import { findInvisible } from "./scan-unicode.ts";

/** Largest text of a tool or server that is not suspicious for its size alone. */
const MAX_TEXT_BYTES = 8 * 1024;
/** Text that is judged of one server's list; what is beyond is flagged unread, as judging takes time from everybody. */
const MAX_JUDGED_CHARACTERS = 4 * 1024 * 1024;
/** Findings told of one tool. */
const MAX_FINDINGS = 20;

/**
 * What makes a text suspicious: `invisible` characters, an `order` to the model, a `foreign-tool` of another server named, a
 * `secret-path`, an address for `exfiltration`, `oversize`, a text that is an `encoded` blob.
 */
export type ScanRule = "invisible" | "order" | "foreign-tool" | "secret-path" | "exfiltration" | "oversize" | "encoded";

/** One suspicion. */
export interface Finding {
  /** The tool it is in; absent for the server's instructions. */
  readonly tool?: string;
  readonly rule: ScanRule;
  /** JSON pointer into the tool as listed, or `/instructions`. */
  readonly place: string;
  /** At most 80 characters; invisible ones written out. */
  readonly excerpt: string;
}

/** What of a server's list is judged. */
export interface ScannedListing {
  readonly tools: readonly ToolDefinition[];
  readonly instructions: string | undefined;
}

/**
 * Judges every text of a server that a model may read, alone. A suspicion is no proof: descriptions that are meant well have
 * orders and paths in them too.
 *
 * @returns At most 20 findings a tool, one for each rule and place.
 */
export function scanListing({ tools, instructions }: ScannedListing): readonly Finding[] {
  const findings: Finding[] = [];
  let left = MAX_JUDGED_CHARACTERS;
  const judge = (texts: Iterable<PlacedText>, tool?: string): void => {
    const found: Finding[] = [];
    for (const text of texts) {
      if (found.length >= MAX_FINDINGS) break;
      left -= text.text.length;
      const part = left < 0 ? [unread(text)] : judgeText(text);
      found.push(...part.map((finding) => (tool === undefined ? finding : { tool, ...finding })));
      if (left < 0) break;
    }
    findings.push(...found.slice(0, MAX_FINDINGS));
  };
  if (instructions !== undefined) judge([{ place: "/instructions", text: instructions }]);
  for (const tool of tools) judge(textsOf(tool), tool.name);
  return findings;
}

function judgeText({ place, text }: PlacedText): Finding[] {
  if (text.length === 0) return [];
  const findings: Finding[] = [];
  const add = (rule: ScanRule, index: number | undefined): void => {
    if (index !== undefined) findings.push({ rule, place, excerpt: excerptAt(text, index) });
  };
  add("invisible", findInvisible(text));
  const order = readings(text)
    .map((reading) => ({ reading, found: findOrder(reading) }))
    .find(({ found }) => found !== undefined);
  if (order?.found !== undefined) {
    findings.push({ rule: "order", place, excerpt: excerptAt(order.reading, order.found.index) });
  }
  add("secret-path", findSecretPath(text));
  add("exfiltration", findExfiltration(text));
  add("encoded", findBlob(text));
  if (byteLength(text) > MAX_TEXT_BYTES) {
    findings.push({
      rule: "oversize",
      place,
      excerpt: clip(`${byteLength(text)} bytes: ${showUnseen(text.slice(0, 60))}`, MAX_EXCERPT),
    });
  }
  return findings;
}

function unread({ place }: PlacedText): Finding {
  return { rule: "oversize", place, excerpt: "not read: the texts of this server are too large together" };
}
