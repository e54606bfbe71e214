import { RunletError } from "../../lib/errors.ts";
import type { Redactor } from "../../observability/redact.ts";
import { type AnswerRedactor, createAnswerRedactor } from "../redact-answer.ts";
import type { CallTool, Interceptor, ToolResult } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";

/**
 * Takes secrets out of what a server says, where its configuration says so: of answers before they are turned into values, of
 * failures and of reports of progress. Whatever is kept, shared, learned or noted of an answer is without them. Questions
 * lose the known secrets alone: an address that a person must open has to work.
 */
export function redact(redactor: Redactor): Interceptor<AdmittedCall> {
  const modes = { known: createAnswerRedactor(redactor, false), all: createAnswerRedactor(redactor, true) };

  async function cleaned(
    next: CallTool<AdmittedCall>,
    call: AdmittedCall,
    cleaner: AnswerRedactor,
  ): Promise<ToolResult> {
    const { asker, onProgress } = call;
    try {
      return await next({
        ...call,
        clean: (answer) => cleaner.answer(answer),
        asker: asker && {
          capabilities: asker.capabilities,
          ask: (question, signal) => asker.ask({ ...question, params: modes.known.record(question.params) }, signal),
        },
        ...(onProgress && {
          onProgress: (progress) =>
            onProgress(
              progress.message === undefined ? progress : { ...progress, message: cleaner.text(progress.message) },
            ),
        }),
      });
    } catch (thrown) {
      throw thrown instanceof RunletError ? cleaner.error(thrown) : thrown;
    }
  }

  return (next) => (call) => {
    const { redactResults } = call.upstream.config;
    return redactResults === "off" ? next(call) : cleaned(next, call, modes[redactResults]);
  };
}
