import type { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { RunletError } from "../../lib/errors.ts";
import { storeClosed } from "../refusals.ts";
import type { RedisConnection } from "./connect-redis.ts";

/** A step that Redis does as a whole or not at all, in Lua. `ARGV[1]` is the prefix of all keys. */
export interface RedisScript {
  /** As a command of ours; unique among all scripts. */
  readonly name: string;
  readonly lua: string;
}

/** What a script takes. `undefined` cannot be sent: say with a flag that there is none. */
export type ScriptArgument = string | number | Buffer;

type Run = (...args: readonly ScriptArgument[]) => Promise<unknown>;

/** Runs scripts on one connection, until it is closed. */
export class ScriptRunner {
  readonly client: Redis;
  readonly prefix: string;
  readonly #writer = randomUUID().slice(0, 8);
  #written = 0;
  #closed = false;

  constructor({ client, prefix }: Pick<RedisConnection, "client" | "prefix">) {
    this.client = client;
    this.prefix = prefix;
  }

  /**
   * One round trip. Sent again when the connection is lost before the answer.
   *
   * @param action Verb and object, such as `insert a run`.
   * @throws INTERNAL when the store is closed or Redis refuses; what was written is not told.
   */
  run(action: string, script: RedisScript, ...args: readonly ScriptArgument[]): Promise<unknown> {
    return this.use(action, () => commandOf(this.client, script)(this.prefix, ...args));
  }

  /** Does what needs no script. @throws as `run` does. */
  async use<T>(action: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw storeClosed(action);
    try {
      return await work();
    } catch (error) {
      if (this.#closed) throw storeClosed(action);
      // The error holds the command with all that was written: it goes no further.
      throw refused(action, error);
    }
  }

  /** A text that no other write has, by which one that is sent again is known; those of one runner count up after the `:`. */
  token(): string {
    return `${this.#writer}:${++this.#written}`;
  }

  /** Refuses later work. The connection stays. */
  close(): void {
    this.#closed = true;
  }
}

function commandOf(client: Redis, { name, lua }: RedisScript): Run {
  const commands = client as unknown as Record<string, Run | undefined>;
  if (commands[name] === undefined) client.defineCommand(name, { lua, numberOfKeys: 0 });
  const command = commands[name];
  if (command === undefined) throw new Error(`no command ${name}`);
  return command.bind(client);
}

function refused(action: string, error: unknown): RunletError {
  const reason = error instanceof Error ? error.message : "nothing";
  return new RunletError("INTERNAL", `Cannot ${action} as Redis must take it: it says "${reason}".`);
}

/** Lua: the size of a text in UTF-16 units, as JavaScript counts. */
export const UNITS_LUA = `
local function units(text)
  if not text then return 0 end
  if not text:find('[\\128-\\255]') then return #text end
  local _, trailing = text:gsub('[\\128-\\191]', '')
  local _, pairs = text:gsub('[\\240-\\247]', '')
  return #text - trailing + pairs
end
`;

/** How many records, and how many UTF-16 units, one script may give before other work of Redis has its turn. */
export const PAGE = { records: 200, units: 4 * 1024 * 1024 } as const;
