import { RunletError } from "../../lib/errors.ts";
import { METADATA_PATH, protectedResource } from "../auth/protected-resource.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { arrayOf, objectOf } from "../response-schemas.ts";

const TEXT = { type: "string" } as const;

/** What authorization clients look up before they have a token. @source RFC 9728 section 3 */
export function wellKnownOperations({ auth = () => undefined }: Pick<HttpDeps, "auth">): AnyOperation[] {
  return [METADATA_PATH, `${METADATA_PATH}/mcp`].map((path) =>
    operation({
      method: "GET",
      path,
      access: "public",
      tag: "Service",
      summary: "Whose access tokens are taken, as RFC 9728 has it; 404 where none are.",
      answers: {
        200: {
          description: "Metadata of the protected resource.",
          schema: objectOf({
            resource: TEXT,
            authorization_servers: arrayOf(TEXT),
            scopes_supported: arrayOf(TEXT),
            bearer_methods_supported: arrayOf({ const: "header" }),
            resource_name: TEXT,
          }),
        },
      },
      handle() {
        const now = auth();
        if (now !== undefined) return json(protectedResource(now));
        throw new RunletError("NOT_FOUND", "Cannot name authorization servers as no access tokens are taken.", {
          hint: "Send a client's key, where clients are configured; the operator may configure `auth.issuers`.",
        });
      },
    }),
  );
}
