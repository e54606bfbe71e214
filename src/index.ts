/** What an embedder needs: a service made from a configuration, and the shapes that go in and come out. */
export { compileConfig } from "./config/compile.ts";
export type { Config } from "./config/config.ts";
export { loadOptions } from "./config/load.ts";
export { LOCAL_PRINCIPAL } from "./config/principal.ts";
export type { AccessRules, Principal, ToolClass } from "./config/principal.ts";
export { RunletError } from "./lib/errors.ts";
export type { ErrorCode, ErrorInfo, Fault } from "./lib/errors.ts";
export type { RunService } from "./runs/run-service.ts";
export type { RunEvent, RunOutcome, RunRequest, RunView } from "./runs/run.ts";
export { createService } from "./service.ts";
export type { Service, ServiceOptions } from "./service.ts";
