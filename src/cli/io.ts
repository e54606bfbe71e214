import type { SecretInput } from "./hidden-input.ts";

/** What a command has of its process, so that tests can stand in for it. */
export interface CliIo {
  /** Writes results; the text brings its own line breaks. */
  readonly stdout: (text: string) => void;
  /** Writes what is said about the work: faults, warnings, progress. */
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute folder the command was given in. */
  readonly cwd: string;
  /** Calls `listener` on each SIGHUP. @returns How to stop. @default there are none */
  readonly onHangup?: (listener: () => void) => () => void;
  /** Opens an address in a browser. @default the system's own way */
  readonly openBrowser?: (address: string) => void;
  /** Where secrets are typed or piped in. @default the process's own */
  readonly stdin?: SecretInput;
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
