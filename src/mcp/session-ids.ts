import { randomUUID } from "node:crypto";
import type { AskerCapabilities } from "../upstream/asker.ts";

/** One letter for each thing that a client can be asked for. */
const LETTERS = { form: "f", url: "u", sampling: "s", roots: "r" } as const;

/**
 * An id for the session of a client of the era that has sessions. It carries what the client said at `initialize` that it can be
 * asked for, so that nothing has to be kept for it, and any process can serve it.
 */
export function createSessionId({ elicitation, sampling, roots }: AskerCapabilities): string {
  const letters = [
    elicitation?.form && LETTERS.form,
    elicitation?.url && LETTERS.url,
    sampling && LETTERS.sampling,
    roots && LETTERS.roots,
  ].filter((letter) => letter !== undefined);
  return `${randomUUID()}${letters.length === 0 ? "" : `.${letters.join("")}`}`;
}

/**
 * What the client of a session can be asked for. The id comes from the client: one that it made up says of nobody else what
 * they can be asked for.
 */
export function capabilitiesOfSession(id: string): AskerCapabilities {
  const letters = /\.([furs]{1,4})$/u.exec(id)?.[1] ?? "";
  const form = letters.includes(LETTERS.form);
  const url = letters.includes(LETTERS.url);
  return {
    ...((form || url) && { elicitation: { ...(form && { form: {} }), ...(url && { url: {} }) } }),
    ...(letters.includes(LETTERS.sampling) && { sampling: {} }),
    ...(letters.includes(LETTERS.roots) && { roots: {} }),
  };
}
