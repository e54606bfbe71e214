import { recordsOf, textOf } from "./answered-run.ts";
import type { AnsweredApproval, AnsweredRun } from "./answered-run.ts";
import { formatRun, visible } from "./run-text.ts";

/** One line: the run's id, how it is, when it was made, and what it did. */
export function runRow(run: AnsweredRun): string {
  const { id, status, createdAt, calls } = run;
  const waiting = undecided(run).length;
  const cells = [
    id.padEnd(34),
    status.padEnd(9),
    createdAt,
    `${calls.length} ${calls.length === 1 ? "call" : "calls"}`,
    waiting > 0 ? `${waiting} to approve` : "",
  ];
  return `${visible(cells.join("  ").trimEnd())}\n`;
}

/** Everything of one run for people: how it is, its logs, its calls, what it waits for, its result. */
export function runPage(run: AnsweredRun): string {
  const { id, status, createdAt, endedAt, replayOf, isDry } = run;
  const { about, result } = formatRun(run);
  const head = [
    `${id}: ${status}, made ${createdAt}${endedAt === undefined ? "" : `, ended ${endedAt}`}`,
    ...(replayOf === undefined ? [] : [`replays ${replayOf}`]),
    ...(isDry ? ["dry run: nothing is changed"] : []),
  ];
  const waits = run.approvals.map((approval) => approvalLine(approval));
  const hint = undecided(run).length === 0 ? [] : [`decide: runlet runs approve ${id}, or runlet runs deny ${id}`];
  return `${visible(head.join("\n"))}\n${about}${[...waits, ...hint].map((line) => `${line}\n`).join("")}${result}`;
}

/** What somebody is to decide on: nothing of it is hidden, or looks like something else. */
export function approvalLine({ callId, server, tool, arguments: args, expiresAt, decision }: AnsweredApproval): string {
  const now = decision === undefined ? `waits until ${expiresAt}` : decision === "deny" ? "denied" : "approved";
  return plain(`call ${callId}  ${server}.${tool}(${JSON.stringify(args) ?? ""})  ${now}`);
}

/** The calls that nobody decided on yet. */
export function undecided({ approvals }: AnsweredRun): readonly AnsweredApproval[] {
  return approvals.filter(({ decision }) => decision === undefined);
}

/** The calls of a run with what was sent and answered, a block each. @param calls As a service tells of them. */
export function callPages(calls: unknown): string {
  return recordsOf(calls).map(callPage).join("");
}

function callPage(call: Readonly<Record<string, unknown>>): string {
  const { seq, server, tool, outcome, ms, error, approval } = call;
  const [failure] = recordsOf([error]);
  const [asked] = recordsOf([approval]);
  const time = typeof ms === "number" ? `  ${ms} ms` : "";
  const lines = [
    `${String(seq)}  ${String(server)}.${String(tool)}  ${String(outcome)}${time}`,
    `   -> ${JSON.stringify(call["arguments"]) ?? ""}`,
    ...("result" in call ? [`   <- ${JSON.stringify(call["result"]) ?? ""}`] : []),
    ...(failure === undefined ? [] : [`   <- ${textOf(failure["code"]) ?? ""}: ${textOf(failure["message"]) ?? ""}`]),
    ...(asked === undefined ? [] : [`   ${decisionText(asked)}`]),
  ];
  return lines.map((line) => `${plain(line)}\n`).join("");
}

function decisionText({ decision, by, reason, expiresAt, grantedBy }: Readonly<Record<string, unknown>>): string {
  if (decision === undefined) return `waits for approval until ${textOf(expiresAt) ?? ""}`;
  const who = textOf(by) ?? (typeof grantedBy === "number" ? `the grant of call ${grantedBy}` : "nobody in time");
  const why = textOf(reason);
  return `${decision === "deny" ? "denied" : "approved"} by ${who}${why === undefined ? "" : `: ${why}`}`;
}

/** Characters that cannot be seen, or that turn the order of others, are written as escapes. */
function plain(text: string): string {
  return text.replaceAll(/[\p{C}\u2028\u2029]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
