import type { ClientCapabilities } from "@modelcontextprotocol/server";
import { createSchemaCompiler } from "../gateway/schema-compiler.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { Asker, AskerCapabilities, Question } from "../upstream/asker.ts";

/** Parts of the largest form. */
const MAX_FORM_PARTS = 500;
const ACTIONS: readonly unknown[] = ["accept", "decline", "cancel"];

const compiler = createSchemaCompiler({ every: false, maxParts: MAX_FORM_PARTS });

/** A question as the client is sent it. */
export interface ClientRequest {
  readonly method: Question["method"];
  readonly params: Record<string, unknown>;
}

/**
 * Puts one request to a client.
 *
 * @param signal Aborts when nobody waits for the answer any more.
 * @returns What the client answered, unchecked.
 */
export type PutToClient = (request: ClientRequest, signal: AbortSignal) => Promise<unknown>;

/**
 * A client as somebody who can be asked while a request of it is under way.
 *
 * @returns `undefined` where it declares nothing that servers ask for.
 */
export function createAsker(capabilities: AskerCapabilities, put: PutToClient): Asker | undefined {
  if (Object.keys(capabilities).length === 0) return undefined;
  return {
    capabilities,
    async ask(question, signal) {
      const answer = await put({ method: question.method, params: toParams(question) }, signal);
      if (!isRecord(answer)) throw badAnswer(question, "it must be an object");
      if (question.method === "elicitation/create") checkElicited(question, answer);
      return answer;
    },
  };
}

/** What a client can be asked for, of all that it declares. */
export function toAskerCapabilities({ elicitation, sampling, roots }: ClientCapabilities = {}): AskerCapabilities {
  const byUrl = elicitation?.url !== undefined;
  // A client of before there were modes says only that it can be asked: it takes forms.
  const byForm = elicitation !== undefined && (elicitation.form !== undefined || !byUrl);
  return {
    ...(elicitation && { elicitation: { ...(byForm && { form: {} }), ...(byUrl && { url: {} }) } }),
    ...(sampling && { sampling: {} }),
    ...(roots && { roots: {} }),
  };
}

/** The person sees our name where the client names its server: the question says who it is from. */
function toParams({ server, method, params: asked }: Question): Record<string, unknown> {
  const { _meta: _, ...params } = asked;
  if (method !== "elicitation/create" || typeof params["message"] !== "string") return params;
  return { ...params, message: `Server "${server}" asks: ${params["message"]}` };
}

function checkElicited(question: Question, answer: Readonly<Record<string, unknown>>): void {
  const { action, content } = answer;
  if (!ACTIONS.includes(action)) throw badAnswer(question, "its action must be accept, decline or cancel");
  const { mode, requestedSchema } = question.params;
  if (action !== "accept" || mode === "url") return;
  const check = isRecord(requestedSchema) ? compiler.compile(requestedSchema) : undefined;
  if (check === undefined) throw badAnswer(question, "the server must ask by a schema that can be used");
  const [fault] = check(content ?? {});
  if (fault !== undefined)
    throw badAnswer(question, `it must satisfy the form: ${fault.instancePath} ${fault.message ?? "is wrong"}`);
}

function badAnswer({ server }: Question, rule: string): RunletError {
  return new RunletError("REQUEST_INVALID", `the answer to server "${server}" cannot be used: ${rule}`);
}
