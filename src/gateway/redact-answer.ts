import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import { HIDDEN, isSecretMember, type Redactor } from "../observability/redact.ts";
import type { ContentBlock, UpstreamResult } from "../upstream/upstream.ts";
import { redactJsonText } from "./redact-json.ts";

/** Takes secrets out of what a server says. What holds none is given as it is, and nothing that is given is changed. */
export interface AnswerRedactor {
  /** Everything but the bytes of pictures, sounds and binary resources. */
  answer(answer: UpstreamResult): UpstreamResult;
  /** The same keys, numbers and lists; what is nested deeper than 512 is hidden. */
  record(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** Text that is a JSON object or list stays one. */
  text(text: string): string;
  /** Message, hint and details; the cause is kept for the log. */
  error(error: RunletError): RunletError;
}

const MAX_DEPTH = 512;
/** JSON in a string of JSON is kept whole so far; what is in it deeper is plain text. */
const MAX_TEXTS = 3;

/** @param looks Whether what only looks like a secret, or is named like one, is hidden too. */
export function createAnswerRedactor(redactor: Redactor, looks: boolean): AnswerRedactor {
  const plain = (input: string): string => (looks ? redactor.text(input) : redactor.known(input));
  const isSecretKey = (key: string): boolean => looks && isSecretMember(key);

  function text(input: string, level = 0): string {
    const isJson = level < MAX_TEXTS && /^\s*[[{]/u.test(input) && parseJson(input) !== undefined;
    if (!isJson) return plain(input);
    return redactJsonText(input, (item, named) => (named ? HIDDEN : text(item, level + 1)), isSecretKey);
  }

  function value(item: unknown, named = false, depth = 0): unknown {
    if (typeof item === "string") return named ? HIDDEN : text(item);
    if (typeof item !== "object" || item === null) return item;
    if (depth >= MAX_DEPTH) return HIDDEN;
    if (!Array.isArray(item)) return members(item, (key, member) => value(member, isSecretKey(key), depth + 1));
    const redacted = item.map((member) => value(member, named, depth + 1));
    return redacted.every((member, at) => member === item[at]) ? item : redacted;
  }

  const record: AnswerRedactor["record"] = (given) => members(given, (key, part) => value(part, isSecretKey(key), 1));

  function block(given: ContentBlock): ContentBlock {
    const binary = given.type === "image" || given.type === "audio" ? "data" : undefined;
    return members(given, (key, member) => {
      if (key === binary || key === "type") return member;
      if (given.type !== "resource" || key !== "resource" || !isRecord(member))
        return value(member, isSecretKey(key), 1);
      return members(member, (name, part) => (name === "blob" ? part : value(part, isSecretKey(name), 2)));
    });
  }

  return {
    answer(given) {
      const content = given.content.map(block);
      return {
        ...given,
        content: content.every((one, at) => one === given.content[at]) ? given.content : content,
        ...(given.structuredContent !== undefined && { structuredContent: value(given.structuredContent) }),
        ...(given.meta !== undefined && { meta: record(given.meta) }),
      };
    },
    record,
    text: (input) => text(input),
    error(error) {
      const { hint, details, ...rest } = error.context;
      const message = text(error.message);
      const said = {
        ...(hint !== undefined && { hint: text(hint) }),
        ...(details !== undefined && { details: value(details) }),
      };
      if (message === error.message && said.hint === hint && said.details === details) return error;
      return new RunletError(error.code, message, { ...rest, ...said, cause: error.cause });
    },
  };
}

/** The same members with other values; the object itself where every value is the same. */
function members<T extends object>(given: T, redact: (key: string, member: unknown) => unknown): T {
  const entries = Object.entries(given).map(([key, member]): [string, unknown] => [key, redact(key, member)]);
  const isSame = entries.every(([key, member]) => member === (given as Readonly<Record<string, unknown>>)[key]);
  // Made from entries: a key may be `__proto__`.
  return isSame ? given : (Object.fromEntries(entries) as T);
}
