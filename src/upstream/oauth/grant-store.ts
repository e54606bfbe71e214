import { closeSync, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { openSecrets, removeSecret, setSecret } from "../../config/secrets/secret-store.ts";
import type { SecretsPlace } from "../../config/secrets/secrets-place.ts";
import { requireMasterKey } from "../../config/secrets/tokens-place.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";

/** What somebody's login gave for one server. Times are ms since the epoch. */
export interface Grant {
  readonly server: string;
  /** Where the server was reached: its tokens go nowhere else. */
  readonly url: string;
  readonly issuer: string;
  readonly resource: string;
  readonly clientId: string;
  /** Of a client that was registered for this login; others have theirs in the configuration. */
  readonly clientSecret: string | undefined;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly scope: string | undefined;
  readonly obtainedAtMs: number;
  /** `undefined` when nothing is said of its end. */
  readonly expiresAtMs: number | undefined;
}

/** Grants, encrypted in a file that several processes may use. */
export interface GrantStore {
  /** Changes with every change of the file, whoever made it. */
  stamp(): string;
  /** The newest last. @throws CONFIG_INVALID when the file does not open. */
  list(): readonly Grant[];
  /** Keeps a grant in place of one of the same server, issuer and resource, for good before it returns. @throws CONFIG_INVALID */
  save(grant: Grant): Promise<void>;
  /** Removes all grants of a server. @returns How many there were. @throws CONFIG_INVALID */
  remove(server: string): Promise<number>;
  /**
   * Does work while no other process does such work for the same grant. One that died in the middle of it keeps others off for
   * half a minute.
   *
   * @throws Error when it is not free for long.
   */
  exclusively<Result>(grant: Grant, work: () => Promise<Result>): Promise<Result>;
}

/** Longest time that work of `exclusively` takes, and then some. */
const STALE_MS = 30_000;
const LOOK_MS = 50;
const WRITE_LOOKS = 40;

/** Opens nothing yet: the file need not be there. */
export function createGrantStore(place: SecretsPlace, clock: Clock): GrantStore {
  return new FileGrants(place, clock);
}

class FileGrants implements GrantStore {
  readonly #place: SecretsPlace;
  readonly #clock: Clock;

  constructor(place: SecretsPlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
  }

  stamp(): string {
    const stat = statSync(this.#place.file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.ino}:${stat.mtimeNs}:${stat.size}`;
  }

  list(): readonly Grant[] {
    const store = openSecrets(this.#place);
    const grants = (store?.list ?? []).flatMap(({ name }) => {
      const grant = toGrant(parseJson(store?.read(name) ?? "")?.value);
      return grant === undefined || nameOf(grant) !== name ? [] : [grant];
    });
    return grants.toSorted((one, other) => one.obtainedAtMs - other.obtainedAtMs);
  }

  async save(grant: Grant): Promise<void> {
    requireMasterKey(this.#place);
    const entry = { name: nameOf(grant), value: JSON.stringify(grant) };
    await this.#whenFree(() => setSecret(this.#place, entry, this.#clock.now()));
  }

  async remove(server: string): Promise<number> {
    const grants = this.list().filter((grant) => grant.server === server);
    for (const grant of grants) {
      const forget = (): Promise<unknown> => this.#whenFree(() => removeSecret(this.#place, nameOf(grant)));
      // What is being exchanged now would else be kept after it was removed.
      await this.exclusively(grant, forget);
    }
    return grants.length;
  }

  async exclusively<Result>(grant: Grant, work: () => Promise<Result>): Promise<Result> {
    const lock = `${this.#place.file}.${createHash("sha256").update(nameOf(grant)).digest("hex").slice(0, 16)}.lock`;
    const untilMs = this.#clock.monotonic() + STALE_MS;
    while (!this.#takes(lock)) {
      if (this.#clock.monotonic() >= untilMs) throw new Error("another process does not let go of the grant");
      await sleep(this.#clock, LOOK_MS);
    }
    try {
      return await work();
    } finally {
      rmSync(lock, { force: true });
    }
  }

  #takes(lock: string): boolean {
    try {
      mkdirSync(dirname(lock), { recursive: true, mode: 0o700 });
      closeSync(openSync(lock, "wx", 0o600));
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const madeAtMs = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    if (madeAtMs !== undefined && this.#clock.now() - madeAtMs > STALE_MS) rmSync(lock, { force: true });
    return false;
  }

  /** Another process changes the file for less than a few milliseconds. */
  async #whenFree<Result>(change: () => Result): Promise<Result> {
    for (let look = 1; ; look++) {
      try {
        return change();
      } catch (error) {
        if (!(error instanceof RunletError) || look === WRITE_LOOKS) throw error;
        await sleep(this.#clock, LOOK_MS);
      }
    }
  }
}

/** Names of servers and addresses have no spaces. */
function nameOf({ server, issuer, resource }: Grant): string {
  return [server, issuer, resource].join(" ");
}

function toGrant(value: unknown): Grant | undefined {
  if (!isRecord(value)) return undefined;
  const { server, url, issuer, resource, clientId, accessToken, obtainedAtMs, expiresAtMs } = value;
  if (typeof server !== "string" || typeof url !== "string" || typeof issuer !== "string") return undefined;
  if (typeof resource !== "string" || typeof clientId !== "string" || typeof accessToken !== "string") return undefined;
  if (typeof obtainedAtMs !== "number") return undefined;
  return {
    server,
    url,
    issuer,
    resource,
    clientId,
    accessToken,
    obtainedAtMs,
    clientSecret: textOf(value["clientSecret"]),
    refreshToken: textOf(value["refreshToken"]),
    scope: textOf(value["scope"]),
    expiresAtMs: typeof expiresAtMs === "number" ? expiresAtMs : undefined,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
