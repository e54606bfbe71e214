import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";

const HEAD = new Set(["time", "level", "msg", "err"]);

/** Control characters, but not the line break: a log line must not steer a terminal. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/gu;

/**
 * A log line for people: `12:01:02.345 INFO  message key=value`, an error's stack on lines of its own.
 *
 * @param line One JSON line as the logger writes it.
 * @returns The line itself when it is something else.
 */
export function formatPretty(line: string): string {
  const record = parseJson(line)?.value;
  if (!isRecord(record)) return line;
  const { time, level, msg, err } = record;
  const clock = typeof time === "string" ? time.slice("2026-01-01T".length, -1) : "";
  const fields = Object.entries(record)
    .filter(([key]) => !HEAD.has(key))
    .map(([key, value]) => `${oneLine(key)}=${formatField(value)}`);
  const head = [
    clock,
    String(level).toUpperCase().padEnd(5),
    ...(typeof msg === "string" ? [oneLine(msg)] : []),
    ...fields,
  ];
  return `${head.join(" ")}\n${err === undefined ? "" : formatError(err)}`;
}

function formatField(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/u.test(value)) return oneLine(value);
  return oneLine(JSON.stringify(value) ?? "");
}

function formatError(error: unknown): string {
  const stack = isRecord(error) ? (error["stack"] ?? error["message"]) : error;
  const text = typeof stack === "string" ? stack : (JSON.stringify(stack) ?? "");
  return `${escapeControl(text).replaceAll(/^/gmu, "    ")}\n`;
}

function oneLine(text: string): string {
  return escapeControl(text).replaceAll("\n", String.raw`\n`);
}

function escapeControl(text: string): string {
  return text.replaceAll(CONTROL, (char) => String.raw`\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
