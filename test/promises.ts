import { ANSWER_PROMISES } from "./promises/answers.ts";
import { APPROVAL_PROMISES } from "./promises/approvals.ts";
import { BEHAVIOUR_PROMISES } from "./promises/behaviours.ts";
import { CHECK_PROMISES } from "./promises/checks.ts";
import { GATEWAY_PROMISES } from "./promises/gateway.ts";
import { LIMIT_PROMISES } from "./promises/limits.ts";
import type { Promised } from "./promises/promise.ts";
import { SCOPE_PROMISES } from "./promises/scope.ts";
import { SCRIPT_PROMISES } from "./promises/scripts.ts";
import { SECURITY_PROMISES } from "./promises/security.ts";
import { TOOL_PROMISES } from "./promises/tools.ts";

/**
 * What callers may rely on, each with the tests that hold it. `test/checks/promises.test.ts` sees to it that the tests are
 * there; what is intended and not built is in `test/promises/later.ts`.
 */
export const PROMISES: readonly Promised[] = [
  ...SCRIPT_PROMISES,
  ...CHECK_PROMISES,
  ...SCOPE_PROMISES,
  ...ANSWER_PROMISES,
  ...TOOL_PROMISES,
  ...GATEWAY_PROMISES,
  ...APPROVAL_PROMISES,
  ...LIMIT_PROMISES,
  ...BEHAVIOUR_PROMISES,
  ...SECURITY_PROMISES,
];
