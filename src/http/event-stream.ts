import type { Clock } from "../lib/clock.ts";
import { toErrorInfo } from "../lib/errors.ts";
import type { RunEvent } from "../runs/run.ts";
import type { Log } from "../lib/log.ts";
import { toProblem } from "./problem.ts";
import { toEventJson } from "./run-json.ts";

/** Time without an event after which a comment is sent, so that nothing on the way takes the connection for dead. */
export const HEARTBEAT_MS = 15_000;

/** What a stream of a run's events is made of. */
export interface EventStreamOptions {
  /** Starts watching; the signal aborts when nobody listens any more. Called once, when the first event is asked for. */
  watch(signal: AbortSignal): AsyncIterable<RunEvent>;
  /** Called once, when the stream is over. @param gone Whether the client went before its end. */
  readonly onEnd?: (gone: boolean) => void;
  /** The client's connection. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  readonly requestId: string;
}

/**
 * Answers with a run's events as server-sent events.
 *
 * An event is fetched only when the client has taken the one before, so a slow client holds one event and no more. A
 * failure of the watch is told as an event `error` with a problem document, and ends the stream.
 *
 * @param headers Further headers.
 * @source WHATWG HTML § 9.2 Server-sent events
 */
export function eventStreamResponse(
  options: EventStreamOptions,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(createEventStream(options), {
    headers: {
      ...headers,
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}

const HEARTBEAT = Symbol("heartbeat");
const encoder = new TextEncoder();
const STILL_HERE = encoder.encode(": still here\n\n");
/**
 * What was made of an event for its first watcher, for as long as its run keeps it. All watchers are sent the same bytes: hundreds
 * that do not read hold one copy, and the end of a run with megabytes of result is written out once.
 */
const frames = new WeakMap<RunEvent, Uint8Array>();

function eventFrame(event: RunEvent): Uint8Array {
  let made = frames.get(event);
  if (made === undefined) frames.set(event, (made = frame(event.type, toEventJson(event), event.id)));
  return made;
}

function createEventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { clock, signal, log, requestId } = options;
  const watching = new AbortController();
  let iterator: AsyncIterator<RunEvent> | undefined;
  let pending: Promise<IteratorResult<RunEvent>> | undefined;
  let over = false;
  let cancelled = false;

  const finish = (gone: boolean): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", leave);
    watching.abort(new Error("the event stream is over"));
    if (iterator !== undefined) void release(iterator, options);
    options.onEnd?.(gone);
  };
  const leave = (): void => finish(true);
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();

  /** The next piece of text, or `undefined` at the end. */
  const nextText = async (): Promise<Uint8Array | undefined> => {
    iterator ??= options.watch(watching.signal)[Symbol.asyncIterator]();
    pending ??= iterator.next();
    const next = await orHeartbeat(pending, clock);
    if (next === HEARTBEAT) return STILL_HERE;
    pending = undefined;
    return next.done === true ? undefined : eventFrame(next.value);
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let text: Uint8Array | undefined;
        try {
          text = over ? undefined : await nextText();
        } catch (thrown) {
          const error = toErrorInfo(thrown);
          log[over ? "debug" : "error"]({ requestId, code: error.code, err: thrown }, "watching a run failed");
          if (!over) controller.enqueue(frame("error", toProblem(error, requestId)));
        }
        if (cancelled) return;
        if (text !== undefined && !over) {
          controller.enqueue(text);
          return;
        }
        finish(false);
        controller.close();
      },
      cancel() {
        cancelled = true;
        leave();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Lets a watch run its own clean-up, which may have to wait for its pending step. */
async function release(iterator: AsyncIterator<RunEvent>, { log, requestId }: EventStreamOptions): Promise<void> {
  try {
    await iterator.return?.();
  } catch (thrown) {
    log.debug({ requestId, err: thrown }, "a watch failed while it was being stopped");
  }
}

/** One event on the wire; JSON text holds no line breaks, so one `data` line is enough. */
function frame(event: string, data: unknown, id?: number): Uint8Array {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

async function orHeartbeat<T>(pending: Promise<T>, clock: Clock): Promise<T | typeof HEARTBEAT> {
  const { promise, resolve } = Promise.withResolvers<typeof HEARTBEAT>();
  const timer = clock.after(HEARTBEAT_MS, () => resolve(HEARTBEAT), { background: true });
  try {
    return await Promise.race([pending, promise]);
  } finally {
    timer.cancel();
  }
}
