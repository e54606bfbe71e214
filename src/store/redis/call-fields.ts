import { isErrorCode, type ErrorInfo } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { CallApproval, CallDecision, CallKind, CallOutcome, CallRecord } from "../journal.ts";
import { FieldReader } from "./fields.ts";

const OUTCOMES: ReadonlySet<CallOutcome> = new Set<CallOutcome>([
  "pending",
  "awaiting",
  "ok",
  "cached",
  "error",
  "denied",
  "unknown",
  "skipped",
]);
const KINDS: ReadonlySet<CallKind> = new Set<CallKind>(["tool", "own"]);
const NAMES = ["seq", "head", "call", "arguments", "settlement", "result", "approval", "decision"] as const;

/**
 * A call from the fields that `LIST_CALLS` gives.
 *
 * @throws INTERNAL when they are not what was written.
 */
export function toCall(runId: string, fields: readonly unknown[]): CallRecord {
  const entries = NAMES.map((name, at) => [name, fields[at]] as const);
  const [outcome, attempt, kind] = String(fields[1]).split(" ");
  const head = Object.entries({ outcome, attempt, kind });
  const read = new FieldReader(`call ${String(fields[0])} of run "${runId}"`, new Map([...entries, ...head]));
  const { key, server, tool, startedAtMs } = callOf(read);
  const { settledAtMs, order, error } = settlementOf(read);
  return {
    runId,
    seq: read.number("seq"),
    attempt: read.number("attempt"),
    kind: read.oneOf("kind", KINDS),
    key,
    server,
    tool,
    argumentsJson: read.text("arguments"),
    startedAtMs,
    outcome: read.oneOf("outcome", OUTCOMES),
    settledAtMs,
    order,
    resultJson: read.optionalText("result"),
    error,
    approval: approvalOf(read),
  };
}

/** @throws INTERNAL when it is not what was written. */
export function parseDecision(runId: string, seq: number, json: string): CallDecision {
  const read = new FieldReader(`call ${seq} of run "${runId}"`, new Map([["decision", json]]));
  const decision = decisionOf(read);
  if (decision === undefined) throw read.damaged("decision", "a decision");
  return decision;
}

function callOf(read: FieldReader): Pick<CallRecord, "key" | "server" | "tool" | "startedAtMs"> {
  const call = read.json("call");
  if (!isRecord(call)) throw read.damaged("call", "an object");
  const { key, server, tool, startedAtMs } = call;
  if (typeof key !== "string" || typeof server !== "string" || typeof tool !== "string")
    throw read.damaged("call", "one with key, server and tool");
  if (typeof startedAtMs !== "number") throw read.damaged("call", "one with its start");
  return { key, server, tool, startedAtMs };
}

function settlementOf(read: FieldReader): Pick<CallRecord, "settledAtMs" | "order" | "error"> {
  const settlement = read.json("settlement");
  if (settlement === undefined) return { settledAtMs: undefined, order: undefined, error: undefined };
  if (!isRecord(settlement)) throw read.damaged("settlement", "an object");
  const { settledAtMs, order, error } = settlement;
  if (typeof settledAtMs !== "number" || typeof order !== "number")
    throw read.damaged("settlement", "one with time and order");
  if (error !== undefined && !isErrorInfo(error)) throw read.damaged("error", "one with code and message");
  return { settledAtMs, order, error };
}

function approvalOf(read: FieldReader): CallApproval | undefined {
  const text = read.optionalText("approval");
  if (text === undefined) return undefined;
  const [askedAtMs, expiresAtMs] = text.split(" ");
  const times = new FieldReader("an approval", new Map(Object.entries({ askedAtMs, expiresAtMs })));
  return {
    askedAtMs: times.number("askedAtMs"),
    expiresAtMs: times.number("expiresAtMs"),
    decided: decisionOf(read),
  };
}

function decisionOf(read: FieldReader): CallDecision | undefined {
  const value = read.json("decision");
  if (value === undefined) return undefined;
  const isDecision = isRecord(value) && (value["decision"] === "approve" || value["decision"] === "deny");
  if (!isDecision) throw read.damaged("decision", "a decision");
  const { decision, by, atMs, reason, grant, grantedBy } = value as unknown as CallDecision;
  return { decision, by, atMs, reason, ...(grant && { grant }), ...(grantedBy !== undefined && { grantedBy }) };
}

function isErrorInfo(value: unknown): value is ErrorInfo {
  return isRecord(value) && isErrorCode(value["code"]) && typeof value["message"] === "string";
}
