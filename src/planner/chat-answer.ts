import { boundText } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { Plan } from "./planner.ts";

/** What counts of a chat completion. */
export interface ChatAnswer {
  readonly text: string;
  readonly usage: Plan["usage"];
}

const MAX_REFUSAL_BYTES = 500;

/**
 * Reads a chat completion, which comes from a server that may say anything.
 *
 * @param body The response's JSON, or a text when it was not JSON.
 * @throws MODEL_UNAVAILABLE when it is not a chat completion; MODEL_NO_SCRIPT when the model refused, was filtered, was cut
 *   off, or called a tool instead of answering.
 */
export function readChatAnswer(body: unknown): ChatAnswer {
  const choices = isRecord(body) ? body["choices"] : undefined;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = isRecord(choice) ? choice["message"] : undefined;
  if (!isRecord(body) || !isRecord(choice) || !isRecord(message)) {
    throw new RunletError(
      "MODEL_UNAVAILABLE",
      "Cannot plan the task as the model endpoint's answer is no chat completion",
      {
        hint: "The operator should check that model.baseURL is an OpenAI-compatible endpoint, usually ending in /v1.",
      },
    );
  }
  const refusal = message["refusal"];
  if (typeof refusal === "string" && refusal !== "") {
    throw noScript(`the model refused: ${boundText(refusal, MAX_REFUSAL_BYTES)}`, "Put the task differently.");
  }
  switch (choice["finish_reason"]) {
    case "length":
      throw noScript(
        "its answer was cut off",
        "Ask for less in one task, or the operator should raise model.maxTokens.",
      );
    case "content_filter":
      throw noScript("its answer was filtered by the model endpoint", "Put the task differently.");
    default:
      return { text: readContent(message["content"]), usage: readUsage(body["usage"]) };
  }
}

/** Content is a text, or a list of parts on some servers; a call of a tool has none. */
function readContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) {
    throw noScript("its answer has no text", "Post the task again, or the operator should configure another model.");
  }
  return (content as unknown[])
    .map((part) => (isRecord(part) && part["type"] === "text" && typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

function readUsage(usage: unknown): Plan["usage"] {
  const count = (name: string): number => {
    const value = isRecord(usage) ? usage[name] : undefined;
    return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : 0;
  };
  return { inputTokens: count("prompt_tokens"), outputTokens: count("completion_tokens") };
}

function noScript(why: string, hint: string): RunletError {
  return new RunletError("MODEL_NO_SCRIPT", `Cannot take a script from the model as ${why}`, { hint });
}
