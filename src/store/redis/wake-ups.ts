import type { Redis } from "ioredis";

/** Says that there may be something new for one watcher. */
export interface WakeUp extends Disposable {
  /** Resolves when nothing that is published from now on is missed; also at the end of the signal. */
  ready(): Promise<void>;
  /** What was said before counts no more. */
  reset(): void;
  /** Resolves when something was said since `reset`, or the signal ended. */
  next(): Promise<void>;
}

/** Wake-ups of many watchers over one connection. */
export interface WakeUps {
  watch(topic: string, signal: AbortSignal): WakeUp;
}

interface Topic {
  readonly wakes: Set<() => void>;
  readonly subscribed: Promise<unknown>;
}

/**
 * Wakes watchers by what is published. After an outage all are woken once the subscriptions are back, as what was published
 * meanwhile is lost.
 *
 * @param subscriber Used for nothing else.
 */
export function createWakeUps(subscriber: Redis, prefix: string): WakeUps {
  const topics = new Map<string, Topic>();
  subscriber.on("message", (channel: string) => {
    for (const wake of topics.get(channel)?.wakes ?? []) wake();
  });
  subscriber.on("ready", () => {
    // Answered after the subscriptions that are made again by then: a connection's commands are done in order.
    void wakeAllOnce(subscriber.subscribe(prefix));
  });

  /** One that fails does so as the connection goes again, and then it comes again. */
  async function wakeAllOnce(subscribed: Promise<unknown>): Promise<void> {
    if ((await Promise.allSettled([subscribed]))[0].status === "rejected") return;
    for (const { wakes } of topics.values()) for (const wake of wakes) wake();
  }

  function join(channel: string, wake: () => void): Topic {
    const known = topics.get(channel);
    if (known !== undefined) {
      known.wakes.add(wake);
      return known;
    }
    // One that fails does so as the connection is closed, and then the signal ends the wait.
    const topic = { wakes: new Set([wake]), subscribed: subscriber.subscribe(channel).catch(() => undefined) };
    topics.set(channel, topic);
    return topic;
  }

  function leave(channel: string, wake: () => void): void {
    const topic = topics.get(channel);
    topic?.wakes.delete(wake);
    if (topic?.wakes.size !== 0) return;
    topics.delete(channel);
    subscriber.unsubscribe(channel).catch(() => undefined);
  }

  return {
    watch(name, signal) {
      let isNew = false;
      let resolve: (() => void) | undefined;
      const wake = (): void => {
        isNew = true;
        resolve?.();
      };
      const channel = `${prefix}${name}`;
      const { subscribed } = join(channel, wake);
      signal.addEventListener("abort", wake, { once: true });
      const next = (): Promise<void> =>
        new Promise((done) => {
          resolve = done;
          if (isNew || signal.aborted) done();
        });
      return {
        ready: () => Promise.race([subscribed, whenAborted(signal)]).then(() => undefined),
        reset() {
          isNew = false;
        },
        next,
        [Symbol.dispose]() {
          signal.removeEventListener("abort", wake);
          leave(channel, wake);
        },
      };
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
}
