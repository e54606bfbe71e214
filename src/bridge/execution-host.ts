import type { LogLevel } from "./protocol.ts";

/** Answer to one call, as it crosses into the isolate: JSON text of the value, or of an `ErrorInfo`. */
export interface CallReply {
  readonly ok: boolean;
  readonly json: string;
  /** What the script's clock reads when it gets it, ms since the epoch. */
  readonly atMs: number;
}

/** Stops the time of something until what it gives is disposed; several may overlap. */
export type StandStill = () => Disposable;

/**
 * What one execution may do on the host: the bridge is it, executors call it. Nothing is delivered after its end.
 *
 * What the host tells (answers of calls, and that a timer may fire) it tells by callbacks, one after the other in the order
 * that it wrote down: whoever carries it to the script must keep that order.
 */
export interface ExecutionHost {
  /**
   * Makes one call. Failures are replies; a call that waits for a decision, and one whose execution is over, gets none.
   *
   * @param path JSON text of the names after `mcp.`.
   * @param args JSON text of the positional arguments.
   * @param reply Is called once with the answer.
   * @param standStill Lets the run's wall time stand still. @default it goes on
   */
  call(path: string, args: string, reply: (reply: CallReply) => void, standStill?: StandStill): void;
  /**
   * Asks that a timer may fire while calls are in flight: answers that are stamped before it go first, later ones are stamped
   * no earlier than it.
   *
   * @param dueMs When it is due on the script's clock, ms since the epoch.
   * @param fire Is called once.
   */
  tick(dueMs: number, fire: () => void): void;
  log(level: LogLevel, atMs: number, text: string): void;
  /** @param json JSON text of the value. */
  emit(json: string): void;
}
