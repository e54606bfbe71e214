import { describe, expect, test } from "vitest";
import { containerArguments } from "../../../src/upstream/transports/container.ts";
import type { ContainerConfig } from "../../../src/config/config.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import { folderWith, loadYaml } from "./support.ts";

function compile(server: string, cwd?: string) {
  const loaded = loadYaml(`mcpServers: {box: ${server}}\n`, cwd === undefined ? {} : { cwd });
  return compileConfig(loaded.options, loaded);
}

/** The transport that a server of this text gets. */
function transport(server: string): unknown {
  return compile(server).upstreams[0]?.transport;
}

/** The faults of a server of this text. */
function faults(server: string): string {
  try {
    compile(server);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

describe("a server with an image", () => {
  test("has a network, bounds and nothing of the machine by default", () => {
    expect(transport("{image: mcp/duckduckgo}")).toEqual({
      kind: "container",
      runtime: undefined,
      image: "mcp/duckduckgo",
      args: [],
      env: {},
      memoryBytes: 512 * 1024 ** 2,
      cpus: 1,
      network: "bridge",
      volumes: [],
    });
  });

  test("takes everything that it is given", () => {
    const text =
      "{image: 'ghcr.io/a/b@sha256:0123', runtime: podman, memory: 1.5g, cpus: 0.5, network: none, " +
      "volumes: ['/srv/x:/data:ro', 'cache:/cache'], args: [--verbose, 3], env: {API_KEY: abcdefgh}}";
    expect(transport(text)).toMatchObject({
      runtime: "podman",
      memoryBytes: 1.5 * 1024 ** 3,
      cpus: 0.5,
      network: "none",
      volumes: ["/srv/x:/data:ro", "cache:/cache"],
      args: ["--verbose", "3"],
      env: { API_KEY: "abcdefgh" },
    });
  });

  test("has folders that start from that of the configuration", () => {
    const cwd = folderWith({ "runlet.yaml": "mcpServers: {box: {image: a, volumes: ['./data:/data']}}\n" });
    expect(compile("{image: a}", cwd).upstreams[0]?.transport).toMatchObject({ volumes: [`${cwd}/data:/data`] });
  });

  test.each([
    ["{image: '--privileged'}", "image"],
    ["{image: 'a b'}", "image"],
    ["{image: ''}", "image"],
    ["{image: a, network: '--privileged'}", "network"],
    ["{image: a, network: '-x'}", "network"],
    ["{image: a, memory: '--privileged'}", "memory"],
    ["{image: a, memory: 1k}", "memory"],
    ["{image: a, cpus: 0}", "cpus"],
    ["{image: a, cpus: '1 --privileged'}", "cpus"],
    ["{image: a, volumes: ['--privileged']}", "volumes[0]"],
    ["{image: a, volumes: ['-v:/x']}", "volumes[0]"],
    ["{image: a, volumes: ['/a:b']}", "volumes[0]"],
    ["{image: a, volumes: ['/a']}", "volumes[0]"],
    ["{image: a, runtime: nerdctl}", "runtime"],
    ["{image: a, env: {'--privileged': x}}", 'env["--privileged"]'],
    ["{image: a, env: {LD_PRELOAD: /x.so}}", "env.LD_PRELOAD"],
    ["{image: a, env: {DOCKER_HOST: tcp://x}}", "env.DOCKER_HOST"],
    ["{image: a, env: {PATH: /x}}", "env.PATH"],
    ["{image: a, cwd: /x}", "cwd"],
  ])("%s is refused, for %s", (text, key) => {
    expect(faults(text)).toContain(`mcpServers.box.${key}`);
  });

  test.each([
    ["{image: a, command: b}", "command and image"],
    ["{image: a, url: 'http://b'}", "image and url"],
    ["{}", "none"],
    ["{args: [x]}", "none"],
  ])("%s is refused: one way to reach a server", (text, current) => {
    expect(faults(text)).toContain(`must have one of a command, an image and a url: current value is "${current}"`);
  });

  test.each(["memory: 512m", "cpus: 1", "network: none", "volumes: ['/a:/b']", "runtime: docker"])(
    "%s without an image is refused, for nothing would hold it",
    (key) => {
      expect(faults(`{command: a, ${key}}`)).toContain("must go with an image");
      expect(faults(`{url: 'http://a', ${key}}`)).toContain("must go with an image");
    },
  );
});

test("arguments of the image's program come after the image, where no runtime takes them for its own", () => {
  const config: ContainerConfig = {
    kind: "container",
    runtime: "docker",
    image: "a",
    args: ["--privileged", "-v", "/:/host"],
    env: { A: "1" },
    memoryBytes: 8,
    cpus: 1,
    network: "none",
    volumes: [],
  };
  const words = containerArguments(config, "box");
  expect(words.slice(words.indexOf("a"))).toEqual(["a", "--privileged", "-v", "/:/host"]);
  expect(words.slice(0, words.indexOf("a"))).not.toContain("--privileged");
});

test.each([
  ["{url: 'http://a', type: sse}", { kind: "http", url: "http://a", headers: {}, sse: true }],
  ["{url: 'http://a', type: http}", { kind: "http", url: "http://a", headers: {}, sse: false }],
  ["{url: 'http://a'}", { kind: "http", url: "http://a", headers: {} }],
])("%s is reached as it says", (text, expected) => {
  expect(transport(text)).toEqual(expected);
});

test("an image does not go with the type of a server over HTTP", () => {
  expect(faults("{image: a, type: sse}")).toContain("mcpServers.box.type");
});

describe("oauth of a server", () => {
  const OAUTH = "issuer: 'https://login.example', clientId: us, clientSecret: the-secret-of-us";

  test("has the address of the server for its resource", () => {
    expect(transport(`{url: 'https://a.example/mcp', oauth: {${OAUTH}}}`)).toEqual({
      kind: "http",
      url: "https://a.example/mcp",
      headers: {},
      oauth: {
        flow: "clientCredentials",
        issuer: "https://login.example",
        clientId: "us",
        clientSecret: "the-secret-of-us",
        scope: undefined,
        resource: "https://a.example/mcp",
      },
    });
  });

  test("takes a scope and another resource", () => {
    const text = `{url: 'https://a.example/mcp', oauth: {${OAUTH}, scope: 'a b', resource: 'https://b.example'}}`;
    expect(transport(text)).toMatchObject({ oauth: { scope: "a b", resource: "https://b.example" } });
  });

  test("of a login needs nothing else, and is what is written", () => {
    const nothing = { issuer: undefined, clientId: undefined, clientSecret: undefined, scope: undefined };
    const more = { clientMetadataUrl: undefined, resource: undefined };
    const server = "{url: 'https://a.example/mcp', oauth: {flow: authorizationCode}}";
    expect(transport(server)).toMatchObject({ oauth: { flow: "authorizationCode", ...nothing, ...more } });
    const text = `{url: 'https://a.example/mcp', oauth: {flow: authorizationCode, ${OAUTH}, clientMetadataUrl: 'https://c.example/d'}}`;
    expect(transport(text)).toMatchObject({
      oauth: { issuer: "https://login.example", clientId: "us", clientMetadataUrl: "https://c.example/d" },
    });
  });

  test.each([
    [
      "{url: 'https://a.example', oauth: {flow: authorizationCode, clientSecret: abcdefgh}}",
      "oauth.clientSecret",
      "clientId",
    ],
    [
      "{url: 'https://a.example', oauth: {flow: authorizationCode, clientId: a, clientSecret: abcdefgh}}",
      "oauth.clientSecret",
      "the issuer that it may be shown to",
    ],
    [
      "{url: 'https://a.example', oauth: {flow: authorizationCode, clientMetadataUrl: 'http://c.example/d'}}",
      "oauth.clientMetadataUrl",
      "https",
    ],
    [
      "{url: 'https://a.example', oauth: {flow: authorizationCode, clientMetadataUrl: 'https://c.example'}}",
      "oauth.clientMetadataUrl",
      "a path",
    ],
    [
      "{url: 'https://a.example', oauth: {OAUTH, clientMetadataUrl: 'https://c.example/d'}}",
      "oauth.clientMetadataUrl",
      "flow",
    ],
    ["{url: 'https://a.example', oauth: {flow: password}}", "oauth.flow", "authorizationCode"],
    ["{url: 'http://a.example/mcp', oauth: {flow: authorizationCode}}", "oauth", "a token that travels in the clear"],
    ["{command: a, oauth: {OAUTH}}", "oauth", "must go with a url"],
    ["{url: 'http://a.example/mcp', oauth: {OAUTH}}", "oauth", "a token that travels in the clear"],
    ["{url: 'https://a.example', headers: {authorization: x}, oauth: {OAUTH}}", "oauth", "must not go with a header"],
    [
      "{url: 'https://a.example', oauth: {OAUTH, resource: 'https://b.example/#x'}}",
      "oauth.resource",
      "without a fragment",
    ],
    ["{url: 'https://a.example', oauth: {clientId: a, clientSecret: bcdefgh}}", "oauth", "issuer"],
    ["{url: 'https://a.example', oauth: {OAUTH, grant: password}}", "oauth.grant", "grant"],
    [
      "{url: 'https://a.example', oauth: {issuer: 'http://login.example', clientId: a, clientSecret: bcdefgh}}",
      "oauth.issuer",
      "https",
    ],
  ])("%s is refused", (text, key, rule) => {
    const told = faults(text.replace("OAUTH", OAUTH));
    expect(told).toContain(`mcpServers.box.${key}`);
    expect(told).toContain(rule);
    expect(told).not.toContain("the-secret-of-us");
  });
});
