import { boundText } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";

/** What a server may want of who called it. */
export const QUESTION_METHODS = ["elicitation/create", "sampling/createMessage", "roots/list"] as const;

/** One request of a server to its caller, as the protocol has it; not trusted. */
export interface Question {
  readonly server: string;
  readonly method: (typeof QUESTION_METHODS)[number];
  readonly params: Readonly<Record<string, unknown>>;
}

/** The protocol's word for yes: an object. */
type Present = Record<string, never>;

/** What a caller can be asked for, as the protocol writes it. */
export interface AskerCapabilities {
  readonly elicitation?: { readonly form?: Present; readonly url?: Present };
  readonly sampling?: Present;
  readonly roots?: Present;
}

/** Who made a call and can be asked while it is under way. */
export interface Asker {
  readonly capabilities: AskerCapabilities;
  /**
   * Asks, and checks the answer against what was asked for.
   *
   * @param signal Aborts when nobody waits for the answer any more.
   * @returns The result as the protocol has it.
   * @throws When it cannot be asked, or what came is no answer to the question.
   */
  ask(question: Question, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
}

const MAX_QUESTION_BYTES = 1024;

/** Whether the caller can be asked this. @param sampling Whether this server may use the caller's model. */
export function canBeAsked(asker: Asker | undefined, { method, params }: Question, sampling: boolean): boolean {
  const capabilities = asker?.capabilities ?? {};
  switch (method) {
    case "elicitation/create":
      return capabilities.elicitation?.[params["mode"] === "url" ? "url" : "form"] !== undefined;
    case "sampling/createMessage":
      return sampling && capabilities.sampling !== undefined;
    case "roots/list":
      return capabilities.roots !== undefined;
    default:
      return method satisfies never;
  }
}

/** What a server of the new era is told that this caller can be asked for. */
export function capabilitiesOf(asker: Asker | undefined, sampling: boolean): AskerCapabilities {
  const { sampling: model, ...rest } = asker?.capabilities ?? {};
  return { ...rest, ...(sampling && model && { sampling: model }) };
}

/** A request as a question. @returns `undefined` when it is none that is forwarded. */
export function toQuestion(server: string, request: unknown): Question | undefined {
  if (!isRecord(request)) return undefined;
  const method = QUESTION_METHODS.find((known) => known === request["method"]);
  const params = request["params"] ?? {};
  return method === undefined || !isRecord(params) ? undefined : { server, method, params };
}

/** A question that was not put to anybody, or not answered. */
export interface Unanswered {
  readonly question: Question;
  readonly why: string;
}

/**
 * The UPSTREAM_NEEDS_INPUT of a call that ended because its server got no answer.
 *
 * @param redact Takes secrets out of what the server wrote.
 * @param said What the tool answered then, if anything.
 */
export function needsInput(
  call: { readonly server: string; readonly tool: string },
  { question, why }: Unanswered,
  redact: (text: string) => string,
  said?: string,
): RunletError {
  const { server, tool } = call;
  const kind = question.method.slice(0, question.method.indexOf("/"));
  const text = boundText(redact(textOf(question)), MAX_QUESTION_BYTES);
  const mode =
    question.method === "elicitation/create" ? { mode: question.params["mode"] === "url" ? "url" : "form" } : {};
  return new RunletError(
    "UPSTREAM_NEEDS_INPUT",
    `Cannot finish tool "${tool}" of server "${server}" as ${why}: it asks for ${kind}${text === "" ? "" : `, "${text}"`}.`,
    {
      server,
      tool,
      hint: HINTS[question.method],
      details: {
        kind,
        ...mode,
        ...(text !== "" && { question: text }),
        ...(said !== undefined && said !== "" && { answer: boundText(redact(said), MAX_QUESTION_BYTES) }),
      },
    },
  );
}

const HINTS: Readonly<Record<Question["method"], string>> = {
  "elicitation/create":
    "Give the tool what it asks for in its arguments, or call it from run_script of an MCP client that supports elicitation.",
  "sampling/createMessage":
    "Call it from run_script of an MCP client that supports sampling, where mcpServers.<name>.sampling is forward.",
  "roots/list": "Name the folders in the server's own arguments.",
};

function textOf({ method, params }: Question): string {
  if (method === "elicitation/create") return typeof params["message"] === "string" ? params["message"] : "";
  if (method === "roots/list") return "";
  const messages: unknown = params["messages"];
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content = isRecord(last) ? last["content"] : undefined;
  return isRecord(content) && typeof content["text"] === "string" ? content["text"] : "";
}
