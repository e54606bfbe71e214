import { describe, expect, it } from "vitest";
import { childEnvironment } from "../../../../src/upstream/transports/environment.ts";

describe("childEnvironment", () => {
  it("passes on what programs need and nothing else of ours", () => {
    const own = {
      PATH: "/bin",
      HOME: "/home/me",
      AWS_SECRET_ACCESS_KEY: "secret",
      NODE_OPTIONS: "--inspect",
      LANG: undefined,
    };
    expect(childEnvironment(own, {})).toEqual({ PATH: "/bin", HOME: "/home/me" });
  });

  it("knows Windows' spelling of the same names", () => {
    expect(childEnvironment({ Path: "C:\\bin", SystemRoot: "C:\\Windows", Secret: "x" }, {})).toEqual({
      Path: "C:\\bin",
      SystemRoot: "C:\\Windows",
    });
  });

  it("lets the configuration add variables and replace ours", () => {
    expect(childEnvironment({ PATH: "/bin" }, { PATH: "/opt/bin", TOKEN: "given" })).toEqual({
      PATH: "/opt/bin",
      TOKEN: "given",
    });
  });
});
