import type { Clock } from "../../lib/clock.ts";
import type { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";

/** Access tokens for one server, for all of its sessions. */
export interface AccessTokens {
  /**
   * A token that is good as far as is known; `undefined`: none is needed as far as is known.
   *
   * @throws UPSTREAM_UNAVAILABLE when there is none to be had now; UPSTREAM_NEEDS_AUTH when somebody must log in first.
   */
  current(): Promise<string | undefined>;
  /**
   * Another token than one that the server refused.
   *
   * @param refused `undefined`: it was shown none.
   * @throws As `current` does.
   */
  instead(refused: string | undefined): Promise<string>;
  /**
   * Notes that the server refused the token that `instead` gave, too.
   *
   * @throws UPSTREAM_NEEDS_AUTH where somebody can mend that by a login.
   */
  rejected(token: string): void;
  /** Whether somebody must log in before anything can be done, as far as was known last. */
  readonly needsLogin: boolean;
  /** Why it is in vain to ask for a token now; `undefined` when it is not. Asks nobody. */
  refusal(): RunletError | undefined;
  /** Forgets that the server was in want of a login. */
  forgive(): void;
  /** Exchanges nothing any more; resolves when what was being exchanged is kept. Never rejects. Safe to call twice. */
  close(): Promise<void>;
}

/** What tokens are got with. */
export interface TokenDeps {
  /** Of the MCP server, for messages. */
  readonly server: string;
  readonly clock: Clock;
  readonly log: Log;
}
