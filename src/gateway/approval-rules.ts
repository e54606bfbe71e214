import { type ApprovalRule, fitsApproval } from "../config/approval-keys.ts";

/** The rules of approvals as they are now. */
export interface ApprovalRules {
  /** The first rule that a call waits by; `undefined` when it does not wait. */
  find(call: Parameters<typeof fitsApproval>[1]): ApprovalRule | undefined;
  /** Puts others in place, for every call from now on. */
  replace(rules: readonly ApprovalRule[]): void;
}

/** Holds rules that may be exchanged. */
export function createApprovalRules(initial: readonly ApprovalRule[]): ApprovalRules {
  let current = initial;
  return {
    find: (call) => current.find((rule) => fitsApproval(rule, call)),
    replace: (rules) => void (current = rules),
  };
}
