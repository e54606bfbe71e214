import { isRecord } from "../lib/guards.ts";
import type { WrittenRun } from "./run-text.ts";

/** A call that waits for a decision, as a service tells of it. */
export interface AnsweredApproval {
  readonly callId: number;
  readonly server: string;
  readonly tool: string;
  readonly arguments: unknown;
  readonly expiresAt: string;
  /** What was decided already. */
  readonly decision: string | undefined;
}

/** A run as a service tells of it. */
export interface AnsweredRun extends WrittenRun {
  readonly id: string;
  readonly createdAt: string;
  readonly endedAt: string | undefined;
  readonly replayOf: string | undefined;
  readonly isDry: boolean;
  readonly approvals: readonly AnsweredApproval[];
}

/** Reads a service's answer; what is missing or of another kind is left out. */
export function readRun(answer: Readonly<Record<string, unknown>>): AnsweredRun {
  const { error, resultType, logs, calls, approvals, result } = answer;
  return {
    id: textOf(answer["id"]) ?? "?",
    status: textOf(answer["status"]) ?? "?",
    createdAt: textOf(answer["createdAt"]) ?? "",
    endedAt: textOf(answer["endedAt"]),
    replayOf: textOf(answer["replayOf"]),
    isDry: answer["dryRun"] === true,
    logs: recordsOf(logs).map(({ level, text }) => ({ level: textOf(level) ?? "", text: textOf(text) ?? "" })),
    calls: recordsOf(calls).map(readCall),
    approvals: recordsOf(approvals).map(readApproval),
    ...(isRecord(error) && { error: readError(error) }),
    result,
    ...(typeof resultType === "string" && { resultType }),
  };
}

/** The records of a list. */
export function recordsOf(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? (list as unknown[]).filter(isRecord) : [];
}

/** A text, if it is one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function readCall(call: Readonly<Record<string, unknown>>): WrittenRun["calls"][number] {
  const error = textOf(call["error"]);
  return {
    seq: numberOf(call["seq"]) ?? 0,
    server: textOf(call["server"]) ?? "?",
    tool: textOf(call["tool"]) ?? "?",
    outcome: textOf(call["outcome"]) ?? "?",
    ms: numberOf(call["ms"]),
    resultBytes: numberOf(call["resultBytes"]) ?? 0,
    ...(error !== undefined && { error }),
  };
}

function readApproval(approval: Readonly<Record<string, unknown>>): AnsweredApproval {
  return {
    callId: numberOf(approval["callId"]) ?? 0,
    server: textOf(approval["server"]) ?? "?",
    tool: textOf(approval["tool"]) ?? "?",
    arguments: approval["arguments"],
    expiresAt: textOf(approval["expiresAt"]) ?? "",
    decision: textOf(approval["decision"]),
  };
}

function readError(error: Readonly<Record<string, unknown>>): NonNullable<WrittenRun["error"]> {
  const [line, column] = [numberOf(error["line"]), numberOf(error["column"])];
  const [snippet, hint] = [textOf(error["snippet"]), textOf(error["hint"])];
  return {
    code: textOf(error["code"]) ?? "?",
    message: textOf(error["message"]) ?? "",
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
    ...(snippet !== undefined && { snippet }),
    ...(hint !== undefined && { hint }),
  };
}
