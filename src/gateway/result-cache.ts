import { LRUCache } from "lru-cache";
import type { CacheLimits, CachePolicy } from "../config/call-policies.ts";
import { byteLength } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { freezeDeep } from "../lib/freeze.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ToolResult } from "./call.ts";

/** Answers that may be given again. */
export interface ResultCache {
  /** The answer that is kept, its outcome `cached`; `undefined` when there is none or its time is over. */
  get(key: string): ToolResult | undefined;
  /**
   * Keeps an answer, frozen, for as long as the policy says and there is room: what was not asked for the longest goes first.
   * One that is larger than the cache is not kept.
   */
  set(key: string, result: ToolResult, of: { readonly upstream: Upstream; readonly policy: CachePolicy }): void;
}

interface Kept {
  readonly result: ToolResult;
  readonly untilMs: number;
  readonly bytes: number;
  /** The entries of the same server, where it has a share of its own. */
  readonly share: Share | undefined;
}

/** Sizes by key: which answers of a server there are, in the order of their use. */
type Share = LRUCache<string, number>;

/** What an entry takes beside its texts. */
const ENTRY_BYTES = 256;

/** @param onEvict An answer whose time was not over had to make room. */
export function createResultCache(limits: CacheLimits, clock: Clock, onEvict: () => void): ResultCache {
  let made: LRUCache<string, Kept> | undefined;
  const shares = new WeakMap<Upstream, Share>();

  /** Made when the first answer is kept: its places are allocated at once. */
  function entries(): LRUCache<string, Kept> {
    return (made ??= new LRUCache<string, Kept>({
      max: limits.maxEntries,
      maxSize: limits.maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
      disposeAfter: ({ share, untilMs }, key, reason) => {
        if (reason === "set") return;
        share?.delete(key);
        if (reason === "evict" && untilMs > clock.monotonic()) onEvict();
      },
    }));
  }

  function shareOf(upstream: Upstream, { maxBytes, maxEntries }: CachePolicy): Share | undefined {
    if (maxBytes >= limits.maxBytes && maxEntries >= limits.maxEntries) return undefined;
    let share = shares.get(upstream);
    if (share === undefined) {
      share = new LRUCache<string, number>({
        max: maxEntries,
        maxSize: maxBytes,
        sizeCalculation: (bytes) => bytes,
        disposeAfter: (_bytes, key, reason) => {
          if (reason !== "evict") return;
          made?.delete(key);
          onEvict();
        },
      });
      shares.set(upstream, share);
    }
    return share;
  }

  return {
    get(key) {
      const kept = made?.get(key);
      if (kept === undefined) return undefined;
      if (kept.untilMs > clock.monotonic()) {
        kept.share?.get(key);
        return kept.result;
      }
      made?.delete(key);
      return undefined;
    },
    set(key, result, { upstream, policy }) {
      // Those who shared one call all bring the same answer.
      if (made?.peek(key)?.result.value === result.value && isObject(result.value)) return;
      const bytes = sizeOf(key, result);
      if (bytes > policy.maxBytes) return;
      const share = shareOf(upstream, policy);
      const kept = freezeDeep<ToolResult>({ ...result, outcome: "cached" });
      entries().set(key, { result: kept, untilMs: clock.monotonic() + policy.ttlMs, bytes, share });
      share?.set(key, bytes);
    },
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function sizeOf(key: string, { value, content, bytes }: ToolResult): number {
  const contentBytes = value === content ? 0 : byteLength(JSON.stringify(content));
  return ENTRY_BYTES + key.length + bytes + contentBytes;
}
