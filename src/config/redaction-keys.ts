import { section } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

/** What is taken out of results: nothing; the secrets of the configuration; these, and what looks like a secret. */
export type RedactionMode = "off" | "known" | "all";

/** What people write for it. */
export type RedactionOption = boolean | "known";

const KNOWN = "`known` for the secrets of the configuration alone";

const mode = (description: string): SchemaNode => ({
  description,
  type: ["boolean", "string"],
  pattern: "^known$",
  expects: "true, false or known",
});

/** Keys of `redaction`. */
const REDACTION_KEYS = {
  results: mode(
    `Take secrets out of what tools answer, those of the configuration and what looks like one, or ${KNOWN}.`,
  ),
} as const;

/** The key of the top level. */
export const REDACTION = section("What is hidden beside the logs, where secrets always are.", REDACTION_KEYS, {
  strictKeys: true,
});

/** The same of one server. */
export const SERVER_REDACTION_KEYS = {
  redactResults: mode(
    `Take secrets out of what its tools answer, or ${KNOWN}; as redaction.results says when missing.`,
  ),
} as const;

/** What people write at the top level. */
export interface RedactionOptions {
  readonly redaction?: { readonly results?: RedactionOption };
}

/** What people write of one server. */
export interface ServerRedactionOptions {
  readonly redactResults?: RedactionOption;
}

/** What the code reads of one server. */
export interface RedactionConfig {
  /** What is taken out of its tools' results. @default "off" */
  readonly redactResults: RedactionMode;
}

/** A server's own word, else that of the top level. */
export function compileRedaction(server: ServerRedactionOptions, { redaction }: RedactionOptions): RedactionConfig {
  const written = server.redactResults ?? redaction?.results ?? false;
  return { redactResults: written === true ? "all" : written === false ? "off" : "known" };
}
