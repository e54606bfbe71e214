import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { ErrorCode, ErrorContext } from "../lib/errors.ts";
import { Thread, threadModule } from "../lib/thread.ts";
import type { Asker } from "../lib/thread.ts";
import type { ReadScript } from "./read-script.ts";

/** What the thread is asked. */
export interface ReadRequest {
  readonly text: string;
  readonly maxNodes: number;
}

/** `isBroken`: a text has broken the thread's parsers: it is not to be asked again. `defect`: it failed for a reason of ours. */
export type ReadReply = { readonly isBroken: boolean } & (
  | { readonly status: "read"; readonly script: ReadScript }
  | {
      readonly status: "refused";
      readonly code: ErrorCode;
      readonly message: string;
      readonly context: ErrorContext;
    }
  | { readonly status: "defect"; readonly stack: string }
);

/** Reads scripts that are too large to be read between two other things. */
export interface ScriptReader {
  /**
   * Reads a text. Texts are taken one at a time, owners take turns.
   *
   * @param maxNodes Of the syntax tree.
   * @throws SCRIPT_TOO_LARGE, also when the text takes too long or too much memory; SCRIPT_SYNTAX; the signal's reason when it
   *   aborts before the text has its turn.
   */
  read(text: string, maxNodes: number, asker?: Asker): Promise<ReadScript>;
  /** Ends the thread. Safe to call twice; a later use starts another. */
  close(): Promise<void>;
}

/** Options of a reader. */
export interface ScriptReaderOptions {
  readonly clock: Clock;
  /** For one text, the start of the thread included. */
  readonly timeoutMs: number;
}

const IDLE_MS = 10_000;
/** Several times what the largest tree takes that a run may ask for. */
const THREAD_HEAP_MIB = 512;

/** Makes a reader whose thread is started on first use and replaced when a text breaks it or takes too long. */
export function createScriptReader({ clock, timeoutMs }: ScriptReaderOptions): ScriptReader {
  const thread = new Thread<ReadRequest, ReadReply>({
    entry: threadModule("./script-reader-worker", import.meta.url),
    name: "runlet-scripts",
    idleMs: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
    isLast: ({ isBroken }) => isBroken,
    clock,
  });
  return {
    async read(text, maxNodes, asker) {
      const reply = await thread.ask({ text, maxNodes }, timeoutMs, asker);
      if (reply === undefined) throw tooHard(timeoutMs);
      if (reply.status === "read") return reply.script;
      if (reply.status === "refused") throw new RunletError(reply.code, reply.message, reply.context);
      throw new Error("a script could not be read", { cause: reply.stack });
    },
    close: () => thread.close(),
  };
}

function tooHard(timeoutMs: number): RunletError {
  return new RunletError(
    "SCRIPT_TOO_LARGE",
    `Cannot run the script as reading it may take ${timeoutMs} ms and ${THREAD_HEAP_MIB} MiB: it takes more`,
    { hint: "Send data as `input` and keep only code in the script; nest less." },
  );
}

/** The process's own reader. */
export const sharedScriptReader: ScriptReader = createScriptReader({ clock: systemClock, timeoutMs: 5_000 });
