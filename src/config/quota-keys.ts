import { integer, section, text } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

const RATE_WORDS = 'a rate such as "100/minute": a whole number and second, minute, hour or day';

const rate = (description: string, expects = RATE_WORDS) => text(description, { minLength: 1, expects });

/** Keys of `quotas`, and of `limits` of one client. */
export const QUOTA_KEYS = {
  runs: rate("Runs it may submit."),
  calls: rate("Calls of tools it may make, through whichever door."),
  bytes: rate("Bytes of tools' results it may get.", 'a rate of bytes such as "100m/hour"'),
  tokens: rate("Tokens that models may use to write scripts for it."),
  concurrency: integer("Calls it may have in flight at once; more wait in line.", 1, 10_000, {}),
} as const;

/** Which limits a client has of its own; a kind that it does not name is as `quotas` says. */
export const CLIENT_LIMITS = section("What it may use; what is not named is as `quotas` says.", QUOTA_KEYS, {
  strictKeys: true,
});

/** What every caller may use. */
export const QUOTAS = section(
  "What each caller may use, the local one too; `limits` of a client go first.",
  QUOTA_KEYS,
  {
    strictKeys: true,
  },
);

/** `rateLimit` of one server. */
export const RATE_LIMIT: SchemaNode = {
  description:
    "How often each caller may call each of its tools, such as `10/second`; or by tool glob, the first that fits counts.",
  type: ["string", "object"],
  minLength: 1,
  expects: `${RATE_WORDS}; or an object of them by tool glob`,
  additionalProperties: rate("Calls of each tool that the glob fits."),
  strictKeys: true,
};
