import type { Principal } from "../config/principal.ts";
import { RunletError } from "../lib/errors.ts";
import type { RunEvent, RunView } from "../runs/run.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { ASKED } from "./rounds.ts";
import type { Rounds } from "./rounds.ts";

/** Least time between two progress notifications, in ms of the run's own clock. */
const PROGRESS_INTERVAL_MS = 100;

/** One request during which a run is followed. */
export interface FollowExchange {
  /** Aborts when the caller cancels the request or its connection ends. */
  readonly signal: AbortSignal;
  /** Sends progress; `undefined` when the caller did not ask for it. */
  readonly progress: ((progress: number, message: string) => Promise<void>) | undefined;
}

/** Which run is followed, for whom. */
export interface FollowedRunOptions {
  readonly principal: Principal;
  readonly id: string;
  /** Room in the answer, bytes. */
  readonly answerBytes: number;
  /** How its caller is asked between requests, where that is how. */
  readonly rounds: Rounds | undefined;
}

/**
 * A run that a caller waits for, through one request or, where it is asked something in between, several. The run ends with its
 * caller's interest: when a request that waits for it is cancelled, or following it fails, the run is cancelled.
 */
export class FollowedRun {
  readonly options: FollowedRunOptions;
  readonly #deps: Pick<McpDeps, "runs" | "log">;
  readonly #watching = new AbortController();
  readonly #events: AsyncIterator<RunEvent, unknown>;
  #next: Promise<IteratorResult<RunEvent, unknown>> | undefined;
  #steps = 0;
  #nextReportAtMs = 0;

  constructor(deps: Pick<McpDeps, "runs" | "log">, options: FollowedRunOptions) {
    const { principal, id } = options;
    this.options = options;
    this.#deps = deps;
    this.#events = deps.runs.watch(principal, id, { signal: this.#watching.signal })[Symbol.asyncIterator]();
  }

  /**
   * Follows it to its end, or until its caller is to be asked something.
   *
   * @returns The run as it ended; `undefined` when something is asked, and the run goes on.
   */
  async follow({ signal, progress }: FollowExchange): Promise<RunView | undefined> {
    const leave = (): void => this.#watching.abort();
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      for (;;) {
        const next = await this.#nextEvent();
        if (next === ASKED) return undefined;
        if (next.done === true) break;
        if (next.value.type === "ended") return next.value.run;
        await this.#report(next.value, progress);
      }
    } catch (thrown) {
      if (!signal.aborted) {
        await this.cancel();
        throw thrown;
      }
      this.#deps.log.debug(
        { run: this.options.id, err: thrown },
        "a run is no longer followed: its request was cancelled",
      );
    } finally {
      signal.removeEventListener("abort", leave);
    }
    const { principal, id } = this.options;
    return signal.aborted ? await this.cancel() : await this.#deps.runs.get(principal, id);
  }

  /** Cancels the run, which may have ended meanwhile, and follows it no more. */
  async cancel(): Promise<RunView> {
    const { runs, log } = this.#deps;
    const { principal, id } = this.options;
    this.#watching.abort();
    try {
      return await runs.cancel(principal, id);
    } catch (thrown) {
      if (!(thrown instanceof RunletError) || thrown.code !== "RUN_ENDED") throw thrown;
      log.debug({ run: id }, "the run had ended before its cancellation");
      return await runs.get(principal, id);
    }
  }

  async #nextEvent(): Promise<IteratorResult<RunEvent, unknown> | typeof ASKED> {
    const { rounds } = this.options;
    this.#next ??= this.#events.next();
    const next = await (rounds === undefined ? this.#next : Promise.race([this.#next, rounds.asked()]));
    if (next !== ASKED) this.#next = undefined;
    return next;
  }

  /** Tells of calls that settled or have to be approved, and of what servers report of theirs, not more often than once per interval. */
  async #report(event: RunEvent, progress: FollowExchange["progress"]): Promise<void> {
    const text = progressText(event);
    if (progress === undefined || text === undefined) return;
    this.#steps += 1;
    // Who waits for a person is told of it, however much was told just before.
    if (event.atMs < this.#nextReportAtMs && event.type !== "approval.requested") return;
    this.#nextReportAtMs = event.atMs + PROGRESS_INTERVAL_MS;
    await progress(this.#steps, text);
  }
}

function progressText(event: RunEvent): string | undefined {
  if (event.type === "call.settled")
    return `${event.server}.${event.tool}: ${event.outcome}, ${Math.round(event.ms)} ms`;
  if (event.type === "approval.requested")
    return `${event.server}.${event.tool}: waits until ${event.expiresAt} for somebody to approve it`;
  if (event.type !== "call.progress") return undefined;
  const { server, tool, progress, total, message } = event;
  const far = total === undefined ? String(progress) : `${progress} of ${total}`;
  return `${server}.${tool}: ${far}${message === undefined ? "" : `, ${message}`}`;
}
