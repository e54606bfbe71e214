import type { Quotas } from "./quotas.ts";

/** What a tool does to the world: from its annotations when its server is trusted, else `write`. */
export type ToolClass = "read" | "write" | "destructive";

/**
 * Which tools somebody may use. A tool is allowed when every given part allows it; a missing part allows everything.
 * Globs know `*` only.
 */
export interface AccessRules {
  /** Globs of server names. */
  readonly servers?: readonly string[];
  /**
   * Globs of tool names by server or glob of servers. An entry with a server's own name counts alone, else each whose glob
   * fits; a server that none fits is not narrowed.
   */
  readonly tools?: ReadonlyMap<string, readonly string[]>;
  readonly classes?: readonly ToolClass[];
}

/** What the scopes of an access token can let do, each its own; `read` is part of all others. */
export const SCOPES = ["run", "invoke", "read", "admin"] as const;

/** Something that an access token can let do. */
export type Scope = (typeof SCOPES)[number];

/** The scopes of an access token. */
export interface GrantedScopes {
  readonly granted: ReadonlySet<Scope>;
  /** What the token's issuer calls them. */
  readonly names: ReadonlyMap<Scope, string>;
}

/** Whose calls that wait somebody may decide on: those of its own runs, everybody's, or nobody's. */
export const APPROVE_SCOPES = ["own", "all", "none"] as const;

/** One of them. */
export type ApproveScope = (typeof APPROVE_SCOPES)[number];

/** Who calls us, after authentication. */
export interface Principal {
  /** Stable name: quotas, runs, caches and fairness are counted by it. */
  readonly id: string;
  readonly access: AccessRules;
  /** Sees every principal's runs and may change the service. */
  readonly admin: boolean;
  /** What its access token lets it do. @default everything but what `admin` keeps for administrators */
  readonly scopes?: GrantedScopes;
  /** What it may use; what is missing is as the configuration says for everybody. */
  readonly quotas?: Quotas;
  /** Whose calls it may approve and deny; with `all` it sees their runs while they wait. @default "all" for administrators, else "own" */
  readonly approve?: ApproveScope;
}

/** Whether somebody may approve and deny calls of a run. @param owner Id of the principal whose run it is. */
export function mayDecide(principal: Principal, owner: string): boolean {
  const approve = principal.approve ?? (principal.admin ? "all" : "own");
  return approve === "all" || (approve === "own" && principal.id === owner);
}

/** The one caller of a service that has no clients configured and listens on loopback only. */
export const LOCAL_PRINCIPAL: Principal = Object.freeze({ id: "local", access: Object.freeze({}), admin: true });

/** A caller that is no configured client, where the policy lets it in. No client can have its name. */
export const UNLISTED_PRINCIPAL: Principal = Object.freeze({
  id: "(unlisted)",
  access: Object.freeze({}),
  admin: false,
});
