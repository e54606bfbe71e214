import type { JsonSchema } from "../../upstream/upstream.ts";
import { decodeShape, encodeShape } from "./observed-codec.ts";
import type { KeptShape } from "./observed-codec.ts";
import { toObservedSchema } from "./observed-schema.ts";
import { MAX_DEPTH, addValue, countPlaces, cutShape, emptyShape } from "./observed-shape.ts";

/** Longest schema of one tool's answer, in UTF-16 units of JSON; what is too much for it is given up from the deepest level on. */
const MAX_SCHEMA_CHARS = 4_096;
/** Most places that are remembered of one tool's answers: 10 to 20 bytes of stored text each. */
const MAX_PLACES = 1_000;
/** Answers that taught nothing new in a row, after which only some are looked at. */
const SETTLED_AFTER = 8;
/** Of a tool whose answers teach nothing new any more one in so many is looked at. */
const SAMPLE_EVERY = 64;

/** What the answers of one version of a tool looked like so far. Its work per answer is bounded, see `addValue`. */
export class ObservedTool {
  /** Version of the tool, see `toolDigest`. */
  readonly digest: string;
  /** From an earlier life, until it is needed. */
  #unread: string | undefined;
  #kept: KeptShape = { shape: emptyShape(), depth: MAX_DEPTH };
  #schema: JsonSchema | undefined;
  #text = "";
  #unchanged = 0;
  #toSkip = 0;

  /** @param kept What `encode` gave in an earlier life; a text that this version would not write counts as none. */
  constructor(digest: string, kept?: string) {
    this.digest = digest;
    this.#unread = kept;
  }

  /** JSON Schema of the answers so far; `undefined` while nothing is known. Another object when it changes. */
  get schema(): JsonSchema | undefined {
    this.#read();
    return this.#schema;
  }

  /** Whether the next answer is worth looking at; counts it. */
  isDue(): boolean {
    if (this.#toSkip === 0) return true;
    this.#toSkip--;
    return false;
  }

  /** Learns from one answer. @returns Whether the schema changed, or has just proved itself: worth keeping. */
  learn(value: unknown): boolean {
    this.#read();
    const before = this.#text;
    addValue(this.#kept.shape, value, this.#kept.depth);
    this.#describe();
    this.#unchanged = this.#text === before ? this.#unchanged + 1 : 0;
    if (this.#unchanged >= SETTLED_AFTER) this.#toSkip = SAMPLE_EVERY - 1;
    return this.#unchanged === 0 || this.#unchanged === SETTLED_AFTER;
  }

  /** Text for the store. */
  encode(): string {
    return this.#unread ?? encodeShape(this.#kept);
  }

  #read(): void {
    if (this.#unread === undefined) return;
    const kept = decodeShape(this.#unread);
    this.#unread = undefined;
    if (kept === undefined) return;
    this.#kept = kept;
    this.#describe();
  }

  /** Writes the schema anew, of as many levels as there is room for. */
  #describe(): void {
    const { shape } = this.#kept;
    let { depth } = this.#kept;
    let schema = toObservedSchema(shape);
    let text = JSON.stringify(schema);
    while ((text.length > MAX_SCHEMA_CHARS || countPlaces(shape) > MAX_PLACES) && depth > 0) {
      cutShape(shape, --depth);
      schema = toObservedSchema(shape);
      text = JSON.stringify(schema);
    }
    this.#kept = { shape, depth };
    if (text === this.#text) return;
    this.#text = text;
    this.#schema = text === "{}" ? undefined : schema;
  }
}
