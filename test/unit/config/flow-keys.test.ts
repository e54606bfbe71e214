import { describe, expect, test } from "vitest";
import { matchesFlowGlob, readFlowGlob } from "../../../src/config/flow-keys.ts";
import { compileYaml, loadYaml, problemsOf } from "./support.ts";

const SERVERS = "mcpServers: {crm: {command: x}, mail: {command: x}, web.search: {command: x}}";
const compile = (deny: string) => compileYaml(`${SERVERS}\ndataFlow: {deny: ${deny}}\n`).dataFlow;
const warningsOf = (deny: string): readonly string[] => loadYaml(`${SERVERS}\ndataFlow: {deny: ${deny}}\n`).warnings;

describe("rules of data flow", () => {
  test.each([["{}"], ["{dataFlow: {}}"], ["{dataFlow: {deny: []}}"]])("there are none with %s", (text) => {
    expect(compileYaml(text).dataFlow).toEqual([]);
  });

  test("name servers, or tools of servers, one or several", () => {
    expect(compile("[{from: crm, to: mail}, {from: [crm__get_*, web.search], to: ['*', mail__send]}]")).toEqual([
      {
        name: "dataFlow.deny[0]",
        from: [{ server: "crm", tool: undefined }],
        to: [{ server: "mail", tool: undefined }],
      },
      {
        name: "dataFlow.deny[1]",
        from: [
          { server: "crm", tool: "get_*" },
          { server: "web.search", tool: undefined },
        ],
        to: [
          { server: "*", tool: undefined },
          { server: "mail", tool: "send" },
        ],
      },
    ]);
  });

  test.each([
    ["[{from: [], to: mail}]", "dataFlow.deny[0].from"],
    ["[{from: crm, to: []}]", "dataFlow.deny[0].to"],
    ["[{from: crm__, to: mail}]", "dataFlow.deny[0].from"],
    ["[{from: crm, to: [mail, __send]}]", "dataFlow.deny[0].to"],
  ])("that could never hold are refused: %s", (deny, key) => {
    const [problem, ...others] = problemsOf(() => compile(deny));
    expect(problem).toContain(`Cannot use ${key}`);
    expect(problem).toContain("must name a server or a tool, or the rule never holds");
    expect(others).toEqual([]);
  });

  test.each([
    ["[{from: crm}]", "dataFlow.deny[0].to"],
    ["[{to: mail}]", "dataFlow.deny[0].from"],
    ["[{from: '', to: mail}]", "dataFlow.deny[0].from"],
    ["[{from: 5, to: mail}]", "dataFlow.deny[0].from"],
    ["{from: crm, to: mail}", "dataFlow.deny"],
    ["[crm]", "dataFlow.deny[0]"],
  ])("of another shape are refused: %s", (deny, key) => {
    expect(problemsOf(() => compile(deny))).toEqual([expect.stringContaining(`Cannot use ${key} `)]);
  });

  test.each([
    ["dataFlow: {denny: []}", "dataFlow.denny"],
    ["dataFlow: {deny: [{from: a, to: b, too: c}]}", "dataFlow.deny[0].too"],
  ])("do not take a misspelt key: %s", (text, key) => {
    const problems = loadYaml(`mcpServers: {a: {command: x}, b: {command: x}}\n${text}\n`).problems;
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining(`Cannot use ${key} `)]);
  });

  test("warn of sides that no server fits", () => {
    expect(warningsOf("[{from: crn, to: mail}, {from: '*', to: [web.search__find, xyz__send]}]")).toEqual([
      'dataFlow.deny[0].from means nothing as no server is called "crn". Did you mean crm?',
      expect.stringMatching(/^dataFlow\.deny\[1\]\.to\[1\] means nothing as no server is called "xyz"\./u),
    ]);
  });

  test("tell who writes a dot how a tool is written", () => {
    expect(warningsOf("[{from: crm.get_contact, to: mail}]")).toEqual([
      'dataFlow.deny[0].from means nothing as no server is called "crm.get_contact". Did you mean crm__get_contact?',
    ]);
  });

  test.each(["[{from: crm, to: mail}]", "[{from: '*', to: '*'}]", "[{from: 'cr*', to: ['web.*', 'm*__send']}]"])(
    "%s are fine",
    (deny) => {
      expect(warningsOf(deny)).toEqual([]);
    },
  );
});

describe("a glob of a rule", () => {
  test.each([
    ["crm", "crm", "any", true],
    ["crm", "crm2", "any", false],
    ["crm", "crm", "crm", true],
    ["c*", "crm2", "any", true],
    ["*", "crm", "any", true],
    ["crm__get_*", "crm", "get_contact", true],
    ["crm__get_*", "crm", "set_contact", false],
    ["crm__get_*", "mail", "get_contact", false],
    ["*__send", "mail", "send", true],
    ["*__send", "mail", "resend", false],
    ["crm__a__b", "crm", "a__b", true],
    ["crm__*", "crm", "", true],
  ])("%s and %s.%s: %s", (glob, server, tool, fits) => {
    expect(matchesFlowGlob(readFlowGlob(glob), server, tool)).toBe(fits);
  });
});
