import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { EventFeed } from "../store/event-feed.ts";
import type { RunStore } from "../store/run-store.ts";
import type { NewRunEvent, RunEvents, RunEventSink, ToldBefore } from "./run-events.ts";
import { parseOutcome, toRequestView, toRunView } from "./run-view.ts";
import type { RunEvent } from "./run.ts";

/** What sharing events takes. */
export interface FeedRunEventsDeps {
  readonly feed: EventFeed;
  /** Has the runs whose ends are told. */
  readonly runs: Pick<RunStore, "get">;
  readonly log: Log;
}

/** Events that every process of a service sees. How a run ended is not kept with them: it is read from its store. */
export class FeedRunEvents implements RunEvents {
  readonly #deps: FeedRunEventsDeps;
  readonly #closing = new AbortController();

  constructor(deps: FeedRunEventsDeps) {
    this.#deps = deps;
  }

  sinkOf(runId: string): RunEventSink {
    return new FeedSink(runId, this.#deps);
  }

  async *watch(
    runId: string,
    afterId: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RunEvent, void, undefined> {
    const { feed } = this.#deps;
    const over = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    for await (const { id, json } of feed.watch(runId, afterId, over)) {
      const event = parseJson(json)?.value;
      if (!isRecord(event)) continue;
      if (event["type"] !== "ended") yield { ...event, id } as unknown as RunEvent;
      else {
        const ended = await this.#ended(runId, id, Number(event["atMs"]));
        if (ended !== undefined) yield ended;
        return;
      }
    }
  }

  park(): undefined {
    return undefined;
  }

  forget(): void {
    // They go with the run.
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#deps.feed.close();
  }

  /** @returns `undefined` when the run is not stored any more. */
  async #ended(runId: string, id: number, atMs: number): Promise<RunEvent | undefined> {
    const record = await this.#deps.runs.get(runId);
    if (record === undefined) return undefined;
    const outcome = parseOutcome(record);
    const view = toRunView(record, outcome, outcome?.calls ?? []);
    const run = { ...view, ...toRequestView(parseJson(record.requestJson)?.value) };
    return { id, atMs, type: "ended", run };
  }
}

/** Appends the events of one run: those of one turn of this process together. */
class FeedSink implements RunEventSink {
  readonly #runId: string;
  readonly #deps: FeedRunEventsDeps;
  #waiting: string[] = [];
  #hasEnded = false;

  constructor(runId: string, deps: FeedRunEventsDeps) {
    this.#runId = runId;
    this.#deps = deps;
  }

  add(event: NewRunEvent, atMs: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = event.type === "ended";
    if (this.#waiting.push(toText(event, atMs)) === 1) queueMicrotask(() => void this.#flush());
  }

  async told(): Promise<ToldBefore> {
    const { feed } = this.#deps;
    const told = { logs: 0, emits: 0 };
    const size = await feed.size(this.#runId);
    if (size === 0) return told;
    for await (const { id, json } of feed.watch(this.#runId, 0, new AbortController().signal)) {
      if (json.startsWith('{"type":"log"')) told.logs++;
      else if (json.startsWith('{"type":"emit"')) told.emits++;
      if (id >= size) break;
    }
    return told;
  }

  /** Never rejects: a run goes on whether or not somebody can watch it. */
  async #flush(): Promise<void> {
    const { feed, log } = this.#deps;
    const events = this.#waiting;
    this.#waiting = [];
    try {
      await feed.append(this.#runId, events, this.#hasEnded);
    } catch (error) {
      log.error({ runId: this.#runId, err: error }, "events of a run could not be told");
    }
  }
}

function toText(event: NewRunEvent, atMs: number): string {
  switch (event.type) {
    case "ended":
      return JSON.stringify({ type: event.type, atMs });
    case "emit":
      return `{"type":"emit","atMs":${atMs},"value":${event.json}}`;
    default: {
      const { type, ...rest } = event;
      return JSON.stringify({ type, atMs, ...rest });
    }
  }
}
