import type { LogLevel } from "../src/bridge/protocol.ts";
import type { Host } from "./host.ts";
import { table } from "./console-table.ts";
import { format } from "./inspect-format.ts";
import { inspect } from "./inspect.ts";
import {
  DateCtor,
  MapCtor,
  mapDelete,
  mapGet,
  mapSet,
  StringCtor,
  stringRepeat,
  stringReplaceAll,
  stringSlice,
} from "./primordials.ts";

type Print = (...args: unknown[]) => void;

/** Deepest indent of a group: it is written before each line of a text. */
const MAX_INDENT = 64;

/** Writes one line of log output, bounded by the run's limits. */
export type WriteLog = (level: LogLevel, text: string) => void;

/** Sends log lines until the run's budget is used up; then says so once and drops the rest. */
export function createLog(host: Host): WriteLog {
  const { logLines, logBytes, logLineBytes } = host.limits;
  let lines = 0;
  let length = 0;
  let full = false;
  return (level, text) => {
    if (full || host.ended) return;
    const line =
      text.length > logLineBytes ? `${stringSlice(text, 0, logLineBytes)}… [${text.length - logLineBytes} more]` : text;
    if (lines >= logLines || length + line.length > logBytes) {
      full = true;
      host.send(
        "log",
        "warn",
        `LOG_LIMIT: a run may log ${logLines} lines and ${logBytes} bytes; later lines were dropped`,
      );
      return;
    }
    lines++;
    length += line.length;
    host.send("log", level, line);
  };
}

/** The global `console`: every method writes to the run's logs. */
export function createConsole(log: WriteLog): Readonly<Record<string, unknown>> {
  let indent = "";
  const write = (level: LogLevel, args: readonly unknown[]): void => {
    const text = format(args);
    log(level, indent === "" ? text : indent + stringReplaceAll(text, "\n", `\n${indent}`));
  };
  const printer =
    (level: LogLevel): Print =>
    (...args) =>
      write(level, args);
  const group: Print = (...args) => {
    if (args.length > 0) write("info", args);
    if (indent.length < MAX_INDENT) indent = stringRepeat(" ", indent.length + 2);
  };
  return {
    log: printer("info"),
    info: printer("info"),
    debug: printer("debug"),
    warn: printer("warn"),
    error: printer("error"),
    trace: printer("debug"),
    dirxml: printer("info"),
    dir: (value: unknown, options?: unknown) => write("info", [inspect(value, { depth: depthOf(options) })]),
    table: (data: unknown, columns?: unknown) => write("info", [table(data, columns) ?? data]),
    assert: (condition: unknown, ...args: unknown[]) => {
      if (!condition) log("error", args.length === 0 ? "Assertion failed" : `Assertion failed: ${format(args)}`);
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = stringSlice(indent, 2);
    },
    clear: () => {
      indent = "";
    },
    ...createCounters(log),
  };
}

/** `depth` of the options of `console.dir`; `null` is without end. */
function depthOf(options: unknown): number | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { depth } = options as { readonly depth?: unknown };
  if (depth === null) return Infinity;
  return typeof depth === "number" ? depth : undefined;
}

function createCounters(log: WriteLog): Readonly<Record<string, unknown>> {
  const counts = new MapCtor();
  const starts = new MapCtor();
  const now = DateCtor.now;
  const name = (label: unknown): string => (label === undefined ? "default" : StringCtor(label));
  return {
    count: (label?: unknown) => {
      const next = ((mapGet(counts, name(label)) as number | undefined) ?? 0) + 1;
      mapSet(counts, name(label), next);
      log("info", `${name(label)}: ${next}`);
    },
    countReset: (label?: unknown) => {
      mapDelete(counts, name(label));
    },
    time: (label?: unknown) => {
      mapSet(starts, name(label), now());
    },
    timeLog: (label?: unknown) => {
      const start = mapGet(starts, name(label)) as number | undefined;
      if (start !== undefined) log("info", `${name(label)}: ${now() - start}ms`);
    },
    timeEnd: (label?: unknown) => {
      const start = mapGet(starts, name(label)) as number | undefined;
      if (start !== undefined) log("info", `${name(label)}: ${now() - start}ms`);
      mapDelete(starts, name(label));
    },
  };
}
