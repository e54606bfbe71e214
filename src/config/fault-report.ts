import type { KeyPath } from "./problem.ts";

/** Takes one fault of the configuration; the compiler goes on, so that all faults are told together. */
export type FaultReport = (fault: {
  readonly path: KeyPath;
  /** Completes "as it …". */
  readonly rule: string;
  /** The value as it is; what is shown of it is decided by who takes the report. */
  readonly value: unknown;
  readonly remedy: string;
}) => void;
