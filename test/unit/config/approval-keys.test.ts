import { describe, expect, test } from "vitest";
import { fitsApproval } from "../../../src/config/approval-keys.ts";
import { compileYaml, HASH, loadYaml, problemsOf } from "./support.ts";

const SERVERS = "mcpServers: {crm: {command: x}, mail: {command: x}}";
const CLIENTS = `clients: {agent: {key: ${HASH}}}`;
const compile = (rules: string) => compileYaml(`${SERVERS}\napprovals: ${rules}\n`).approvals;
const warningsOf = (rules: string): readonly string[] =>
  loadYaml(`${SERVERS}\n${CLIENTS}\napprovals: ${rules}\n`).warnings;

describe("rules of approvals", () => {
  test.each(["{}", "{approvals: []}"])("there are none with %s", (text) => {
    expect(compileYaml(text).approvals).toEqual([]);
  });

  test("name servers, tools and clients by glob, one or several, a class, and a time", () => {
    expect(compile("[{server: crm, tool: [send_*, drop], client: agent*, class: destructive, expires: 1h}]")).toEqual([
      {
        name: "approvals[0]",
        servers: ["crm"],
        tools: ["send_*", "drop"],
        clients: ["agent*"],
        leastClass: "destructive",
        expiresMs: 3_600_000,
      },
    ]);
  });

  test("that name nothing fit every call, for a day", () => {
    const [rule] = compile("[{}]");
    expect(rule).toEqual({ name: "approvals[0]", leastClass: "read", expiresMs: 86_400_000 });
  });

  test.each([
    ["[{server: []}]", "approvals[0].server"],
    ["[{}, {tool: []}]", "approvals[1].tool"],
    ["[{server: ''}]", "approvals[0].server"],
    ["[{class: writes}]", "approvals[0].class"],
    ["[{expires: soon}]", "approvals[0].expires"],
    ["[{expires: 10ms}]", "approvals[0].expires"],
    ["{server: crm}", "approvals"],
    ["[crm]", "approvals[0]"],
  ])("that could never hold, or are of another shape, are refused: %s", (rules, key) => {
    expect(problemsOf(() => compile(rules))).toEqual([expect.stringContaining(`Cannot use ${key} `)]);
  });

  test("do not take a misspelt key: more calls would wait, or fewer, than was meant", () => {
    const { problems } = loadYaml(`${SERVERS}\napprovals: [{servers: crm}]\n`);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("Cannot use approvals[0].servers "),
    ]);
  });

  test("warn of names that nothing here has", () => {
    expect(warningsOf("[{server: crn}, {client: [agnet, agent]}, {tool: mail__send}]")).toEqual([
      'approvals[0].server means nothing as no server is called "crn". Did you mean crm?',
      'approvals[1].client means nothing as no client is called "agnet". Did you mean agent?',
      "approvals[2].tool is the tool's own name: write server: mail and tool: send for mail__send.",
    ]);
    expect(warningsOf("[{server: '*', client: 'ag*', tool: a__b}, {client: local}]")).toEqual([]);
  });
});

describe("a call", () => {
  const call = { principal: { id: "agent" }, server: "crm", tool: "drop_table", class: "write" } as const;
  const fits = (rule: string, more: Partial<Parameters<typeof fitsApproval>[1]> = {}): boolean =>
    compile(`[${rule}]`).some((each) => fitsApproval(each, { ...call, ...more }));

  test.each([
    ["{}", true],
    ["{server: crm}", true],
    ["{server: mail}", false],
    ["{server: [mail, c*]}", true],
    ["{tool: drop_*}", true],
    ["{tool: drop}", false],
    ["{server: crm, tool: send}", false],
    ["{client: agent}", true],
    ["{client: other}", false],
  ])("waits by %s: %s", (rule, waits) => {
    expect(fits(rule)).toBe(waits);
  });

  test.each([
    ["read", "read write destructive"],
    ["write", "write destructive"],
    ["destructive", "destructive"],
  ])("waits by {class: %s} if it is one of %s: what does more is not let through", (least, waiting) => {
    const classes = ["read", "write", "destructive"] as const;
    expect(classes.filter((one) => fits(`{class: ${least}}`, { class: one })).join(" ")).toBe(waiting);
  });

  test("of one of a client's many principals is the client's", () => {
    expect(fits("{client: agent}", { principal: { id: "agent:ann" } })).toBe(true);
    expect(fits("{client: 'agent:bob'}", { principal: { id: "agent:ann" } })).toBe(false);
    expect(fits("{client: 'agent:a*'}", { principal: { id: "agent:ann" } })).toBe(true);
    expect(fits("{client: agent}", { principal: { id: "agents" } })).toBe(false);
  });
});
