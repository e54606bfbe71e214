import type { Log } from "../../../../src/lib/log.ts";

/** A log that keeps its lines. */
export interface Lines extends Log {
  readonly lines: (readonly [level: string, fields: object, message: string])[];
}

/** Creates one. */
export function createLines(): Lines {
  const lines: Lines["lines"] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push([level, fields, message]);
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
