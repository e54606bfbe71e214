import type { CatalogTool } from "./catalog.ts";
import { deprecationOf, firstSentence } from "./doc-text.ts";

/** Longest summary in UTF-16 units: what tells one hit of a search from the next. */
const MAX_SUMMARY = 120;

/** What a tool does, on one line and safe inside any comment: its first sentence, and a warning when it is out of date. */
export function toolSummary(tool: CatalogTool): string {
  const text = firstSentence(tool.description, MAX_SUMMARY) || firstSentence(tool.title ?? "", MAX_SUMMARY);
  const warning = deprecationOf(tool.description) ?? "";
  return warning === "" || text.includes(warning) ? text : `${text} — ${warning}`;
}
