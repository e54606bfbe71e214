import type { CliIo } from "../../../src/cli/io.ts";

/** An `io` that keeps what is written. */
export function captureIo(
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): CliIo & { readonly out: string; readonly err: string } {
  let out = "";
  let err = "";
  return {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    env,
    cwd,
  };
}
