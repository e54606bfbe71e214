import { errorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";

/** Why a run ends that was in progress when its process ended. */
export function interrupted(): ErrorInfo {
  return errorInfo("EXECUTOR_LOST", "The service stopped while this run was in progress; its calls show what was done");
}

/** Why a run ends whose client is configured no more. */
export function ownerGone(): ErrorInfo {
  return errorInfo("FORBIDDEN", "Cannot take the run up again as its client must be configured: it is no more");
}

/** Why a run ends whose request cannot be read again. */
export function unreadable(): ErrorInfo {
  return errorInfo("INTERNAL", "Cannot take the run up again as its request must be JSON: what is stored is not");
}
