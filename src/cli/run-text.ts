import type { RunView } from "../runs/run.ts";

/** What is written of a run: of one of this process, or of a service's answer. */
export interface WrittenRun {
  readonly status: string;
  readonly logs?: readonly { readonly level: string; readonly text: string }[];
  readonly calls: readonly (Pick<RunView["calls"][number], "seq" | "server" | "tool" | "resultBytes"> & {
    readonly outcome: string;
    readonly ms: number | undefined;
    readonly error?: string;
  })[];
  readonly error?:
    | {
        readonly code: string;
        readonly message: string;
        readonly line?: number;
        readonly column?: number;
        readonly snippet?: string;
        readonly hint?: string;
      }
    | undefined;
  readonly result?: unknown;
  readonly resultType?: string;
}

/** A run as people read it in a terminal. */
export interface RunText {
  /** The result: a string as it is, everything else as JSON; empty when there is none. */
  readonly result: string;
  /** Logs, calls and the error, each line with its break. */
  readonly about: string;
}

/** Writes a run for a terminal. @param indent Of the result's JSON; 0: all on one line. */
export function formatRun(run: WrittenRun | RunView, indent = 2): RunText {
  const lines: string[] = [];
  for (const { level, text } of run.logs ?? []) lines.push(`${level.padEnd(5)} ${text}`);
  if (run.calls.length > 0) lines.push(...callTable(run));
  const { error } = run;
  if (error !== undefined) {
    const place = error.line === undefined ? "" : ` (line ${error.line}, column ${error.column ?? 1})`;
    lines.push(`${run.status}: ${error.code}: ${error.message}${place}`);
    if (error.snippet !== undefined) lines.push(`  ${error.snippet}`);
    if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  }
  // What does not satisfy its schema is still what the script returned.
  const isGiven = run.status === "succeeded" || error?.code === "RESULT_SCHEMA_MISMATCH";
  const hasResult = isGiven && run.resultType !== "undefined";
  const result = !hasResult
    ? ""
    : typeof run.result === "string"
      ? `${run.result}\n`
      : `${JSON.stringify(run.result, null, indent)}\n`;
  return { result, about: lines.length === 0 ? "" : `${visible(lines.join("\n"))}\n` };
}

/** Control characters shown as pictures: what scripts and servers write must not move the cursor or set the title. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\u2421";
  });
}

/** One line a call, columns aligned. */
function callTable(run: WrittenRun | RunView): string[] {
  const rows = run.calls.map(({ seq, server, tool, outcome, ms, resultBytes, error }) => [
    String(seq),
    `${server}.${tool}`,
    error === undefined ? outcome : `${outcome} ${error}`,
    ms === undefined ? "" : `${ms} ms`,
    `${resultBytes} B`,
  ]);
  const header = ["#", "call", "outcome", "time", "result"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
