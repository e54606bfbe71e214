import type { LogLevel } from "./protocol.ts";

/** Answer to one call, as it crosses into the isolate: JSON text of the value, or of an `ErrorInfo`. */
export interface CallReply {
  readonly ok: boolean;
  readonly json: string;
}

/** Stops the time of something until what it gives is disposed; several may overlap. */
export type StandStill = () => Disposable;

/** What one execution may do on the host: the bridge is it, executors call it. Nothing is delivered after its end. */
export interface ExecutionHost {
  /**
   * Makes one call. Never rejects: failures are replies.
   *
   * @param path JSON text of the names after `mcp.`.
   * @param args JSON text of the positional arguments.
   * @param standStill Lets the run's wall time stand still. @default it goes on
   */
  call(id: number, path: string, args: string, standStill?: StandStill): Promise<CallReply>;
  log(level: LogLevel, atMs: number, text: string): void;
  /** @param json JSON text of the value. */
  emit(json: string): void;
}
