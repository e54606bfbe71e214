import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Observation, ObservationStore } from "../../store/observation-store.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";
import { toolDigest } from "../digest.ts";
import { LearnedType, LearnedTypes, NOTHING_LEARNED, learnedKey, namesOf } from "./learned-types.ts";
import { ObservedTool } from "./observed-tool.ts";
import { ObservationWriter } from "./observed-writer.ts";

/** Tools of one principal of which something is remembered; the one that was not learned from for longest goes first. */
const MAX_TOOLS = 512;
/** Observations that are read at the start; the latest. Each has some KiB at most. */
const MAX_LOADED = 20_000;
/** Results that wait to be looked at, and how many are at a time: other work gets its turn in between. */
const MAX_WAITING = 64;
const AT_A_TIME = 8;
/** Larger results are looked at only while nothing is known of their tool: merely listing a huge object's keys takes long. */
const MAX_BYTES = 256 * 1024;
/** A tool that is used is noted as seen once in this time. */
const NOTE_SEEN_MS = 86_400_000;

/** A tool's answer, as a script gets it. */
export interface ObservedResult {
  /** The id of the principal who called. */
  readonly principal: string;
  readonly tool: ToolDefinition;
  readonly value: unknown;
  /** Size of the value as JSON. */
  readonly bytes: number;
}

interface Entry {
  readonly observed: ObservedTool;
  learned: LearnedType | undefined;
  seenAtMs: number;
}

interface Pupil {
  /** By `learnedKey`; the one learned from last is last. */
  readonly entries: Map<string, Entry>;
  learned: LearnedTypes;
  /** Whether there is more to tell than `learned` does. */
  hasNews: boolean;
}

/** What observed types stand on. */
export interface ObservedTypesParts {
  readonly store: ObservationStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Learns what tools without an output schema answer, from their answers: types and property names, never a value.
 *
 * What one principal's results have taught is kept apart from every other's, and from what the same tool answered before it
 * changed. Nothing waits for it: results are looked at after they are on their way, and the store is written later.
 */
export class ObservedTypes {
  readonly #parts: ObservedTypesParts;
  readonly #writer: ObservationWriter;
  readonly #pupils = new Map<string, Pupil>();
  readonly #waiting: ObservedResult[] = [];
  #isScheduled = false;
  #isClosed = false;
  #isFailing = false;

  private constructor(parts: ObservedTypesParts, kept: readonly Observation[]) {
    this.#parts = parts;
    this.#writer = new ObservationWriter(parts.store, parts);
    for (const { principal, server, tool, digest, shape, seenAtMs } of kept.toReversed()) {
      const entry = { observed: new ObservedTool(digest, shape), learned: undefined, seenAtMs };
      this.#pupil(principal).entries.set(learnedKey({ server, name: tool }), entry);
    }
  }

  /** Takes up what was learned earlier. A store that cannot be read is told in the log, and learning starts anew. */
  static async create(parts: ObservedTypesParts): Promise<ObservedTypes> {
    let kept: readonly Observation[] = [];
    try {
      kept = await parts.store.list(MAX_LOADED);
    } catch (error) {
      parts.log.warn({ err: error }, "what earlier results looked like could not be read");
    }
    return new ObservedTypes(parts, kept);
  }

  /**
   * Takes note of an answer that came from a tool just now. Returns at once, never throws; the answer must not be changed any
   * more. Under load some are left out.
   */
  observe(result: ObservedResult): void {
    const { principal, tool, bytes } = result;
    if (this.#isClosed || tool.outputSchema !== undefined) return;
    const entry = this.#pupils.get(principal)?.entries.get(learnedKey(tool));
    if (entry !== undefined && entry.observed.digest === toolDigest(tool)) {
      this.#noteSeen(principal, tool, entry);
      if (!entry.observed.isDue() || (bytes > MAX_BYTES && entry.observed.schema !== undefined)) return;
    }
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(result);
    this.#schedule();
  }

  /** What a principal's results have taught so far; the same object until there is more. */
  of(principal: string): LearnedTypes {
    const pupil = this.#pupils.get(principal);
    if (pupil === undefined) return NOTHING_LEARNED;
    if (pupil.hasNews) pupil.learned = new LearnedTypes(learnedOf(pupil.entries), pupil.learned);
    pupil.hasNews = false;
    return pupil.learned;
  }

  /** Looks at what waits and writes out what was learned. Safe to call twice; later results are ignored. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#waiting.length > 0) this.#learnSome();
    await this.#writer.close();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const work = (): void => {
      this.#isScheduled = false;
      this.#learnSome();
      if (this.#waiting.length > 0) this.#schedule();
    };
    this.#parts.clock.after(0, work, { background: true });
  }

  #learnSome(): void {
    for (const result of this.#waiting.splice(0, AT_A_TIME)) {
      try {
        this.#learn(result);
      } catch (error) {
        const { server, name } = result.tool;
        if (!this.#isFailing)
          this.#parts.log.error({ err: error, server, tool: name }, "learning from a result failed");
        this.#isFailing = true;
      }
    }
  }

  #learn({ principal, tool, value }: ObservedResult): void {
    const pupil = this.#pupil(principal);
    const key = learnedKey(tool);
    const digest = toolDigest(tool);
    let entry = pupil.entries.get(key);
    if (entry?.observed.digest !== digest) {
      entry = { observed: new ObservedTool(digest), learned: undefined, seenAtMs: this.#parts.clock.now() };
      pupil.hasNews = true;
    }
    pupil.entries.delete(key);
    pupil.entries.set(key, entry);
    const { observed } = entry;
    const before = observed.schema;
    const isWorthKeeping = observed.learn(value);
    if (observed.schema !== before) {
      entry.learned = undefined;
      pupil.hasNews = true;
    }
    if (isWorthKeeping) this.#keep(principal, tool, entry);
    if (pupil.entries.size > MAX_TOOLS) this.#forgetOldest(principal, pupil);
  }

  #noteSeen(principal: string, tool: ToolDefinition, entry: Entry): void {
    if (this.#parts.clock.now() - entry.seenAtMs >= NOTE_SEEN_MS) this.#keep(principal, tool, entry);
  }

  #keep(principal: string, { server, name }: ToolDefinition, entry: Entry): void {
    entry.seenAtMs = this.#parts.clock.now();
    const key = { principal, server, tool: name };
    const { digest } = entry.observed;
    this.#writer.write(key, () => ({ ...key, digest, shape: entry.observed.encode(), seenAtMs: entry.seenAtMs }));
  }

  #forgetOldest(principal: string, pupil: Pupil): void {
    for (const key of pupil.entries.keys()) {
      pupil.entries.delete(key);
      pupil.hasNews = true;
      this.#writer.remove({ principal, ...namesOf(key) });
      return;
    }
  }

  #pupil(principal: string): Pupil {
    let pupil = this.#pupils.get(principal);
    if (pupil === undefined) {
      pupil = { entries: new Map(), learned: new LearnedTypes(new Map()), hasNews: true };
      this.#pupils.set(principal, pupil);
    }
    return pupil;
  }
}

function learnedOf(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, LearnedType> {
  const types = new Map<string, LearnedType>();
  for (const [key, entry] of entries) {
    const { observed } = entry;
    if (observed.schema === undefined) continue;
    types.set(key, (entry.learned ??= new LearnedType(observed.digest, observed.schema)));
  }
  return types;
}
