import { isRecord } from "../../lib/guards.ts";
import { RunletError } from "../../lib/errors.ts";

/** What SQLite refused: a key that is taken, or a row that its parent must precede. */
type ConstraintKind = "duplicate" | "orphan";

/** @source SQLite's extended result codes: SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE and _FOREIGNKEY. */
const CONSTRAINTS: ReadonlyMap<number, ConstraintKind> = new Map([
  [1555, "duplicate"],
  [2067, "duplicate"],
  [787, "orphan"],
]);

function extendedCode(error: unknown): number | undefined {
  if (!isRecord(error) || error["code"] !== "ERR_SQLITE_ERROR") return undefined;
  const code = error["errcode"];
  return typeof code === "number" ? code : undefined;
}

/** SQLite's primary result code of a thrown value. @returns `undefined` when it is not SQLite's. */
export function sqliteResultCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code % 256;
}

/** Which constraint a statement met. @returns `undefined` when it failed for another reason. */
export function violatedConstraint(error: unknown): ConstraintKind | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : CONSTRAINTS.get(code);
}

/**
 * A failure of SQLite as ours, told by SQLite's own name for the kind of failure and nothing of the machine.
 *
 * @param action Verb and object, such as `insert a run`.
 */
export function sqliteFailure(action: string, error: unknown): RunletError {
  const kind = isRecord(error) && typeof error["errstr"] === "string" ? error["errstr"] : "unknown failure";
  return new RunletError("INTERNAL", `Cannot ${action} as the database must take it: SQLite says "${kind}".`, {
    cause: error,
  });
}
