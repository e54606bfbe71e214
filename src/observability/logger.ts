import { destination as openFile, pino } from "pino";
import type { Logger as PinoLogger } from "pino";
import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { formatPretty } from "./pretty.ts";
import type { Redactor } from "./redact.ts";

/** Where the parts of the service say what they do. Nothing that is logged shows a secret; an error goes under `err`. */
export interface Logger extends Log {
  trace(fields: object, message: string): void;
  /** A logger whose lines all have these fields too. */
  child(fields: object): Logger;
  /** Whether lines of this level are written: to save the work of building costly fields. */
  isLevelEnabled(level: string): boolean;
  /** Sets how much is logged from now on, by this logger and all that are its children. */
  setLevel(level: LogSettings["level"]): void;
}

/** How much is logged and in what form. */
export interface LogSettings {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

/** Takes whole lines, each with its line break. */
export interface LogDestination {
  write(text: string): void;
}

const STDERR = 2;

/**
 * A logger on stderr, for stdout may carry a protocol. Lines are written before the call returns, so that a crash loses
 * none; known secrets, secret-shaped texts and members named like secrets come out as `***`.
 *
 * @param redactor Knows what is to be hidden; what it learns later counts too.
 * @param destination Instead of stderr.
 */
export function createLogger(
  settings: LogSettings,
  redactor: Redactor,
  destination?: LogDestination,
  clock: Clock = systemClock,
): Logger {
  const target = destination ?? openFile({ fd: STDERR, sync: true });
  const sink = pino(
    {
      // What is written is decided before, so that it can be another for all children at once.
      level: "trace",
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => error },
    },
    settings.pretty ? { write: (line: string) => target.write(formatPretty(line)) } : target,
  );
  return redacting(sink, redactor, { rank: rankOf(settings.level) });
}

const LEVELS: readonly string[] = ["trace", "debug", "info", "warn", "error"];
const RANKS: ReadonlyMap<string, number> = new Map(LEVELS.map((level, rank) => [level, rank]));

/** The higher, the fewer lines; what is no level is above all. */
function rankOf(level: string): number {
  return RANKS.get(level) ?? LEVELS.length;
}

/** Redacts before the sink writes; what is below the level costs nothing. */
function redacting(sink: PinoLogger, redactor: Redactor, least: { rank: number }): Logger {
  const isLevelEnabled = (level: string): boolean => RANKS.has(level) && rankOf(level) >= least.rank;
  const redactFields = (fields: object): object =>
    redactor.value(fields instanceof Error ? { err: fields } : fields) as object;
  const writer =
    (level: "trace" | "debug" | "info" | "warn" | "error") =>
    (fields: object, message: string): void => {
      if (isLevelEnabled(level)) sink[level](redactFields(fields), redactor.text(message));
    };
  return {
    trace: writer("trace"),
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    child: (fields) => redacting(sink.child(redactFields(fields)), redactor, least),
    isLevelEnabled,
    setLevel(level) {
      least.rank = rankOf(level);
    },
  };
}
