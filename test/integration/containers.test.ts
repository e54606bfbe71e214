import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { compileConfig } from "../../src/config/compile.ts";
import { createClientKey } from "../../src/config/clients.ts";
import { loadOptions } from "../../src/config/load.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");

interface Instruction {
  readonly name: string;
  readonly args: string;
}

/** The instructions of the Dockerfile, each on one line, without comments. */
const instructions: readonly Instruction[] = read("Dockerfile")
  .split("\n")
  .filter((line) => !line.startsWith("#") && line.trim() !== "")
  .join("\n")
  .replaceAll(/\\\n\s*/gu, "")
  .split("\n")
  .map((line) => ({ name: line.split(" ", 1)[0] ?? "", args: line.slice(line.indexOf(" ") + 1) }));
const runtimeStage = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));

/** What the instructions of this name say, in the stage that becomes the image. */
function said(name: string): readonly string[] {
  return runtimeStage.filter((instruction) => instruction.name === name).map(({ args }) => args);
}

interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[]; readonly interval: string; readonly timeout: string };
  readonly stop_grace_period?: string;
  readonly [key: string]: unknown;
}
const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  readonly services: { readonly runlet: ComposeService; readonly redis: ComposeService };
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
};
const { runlet, redis } = compose.services;
const services = Object.entries(compose.services);
const images = [
  ...instructions.filter(({ name }) => name === "FROM").map(({ args }) => args.split(" ")[0] ?? ""),
  ...services.map(([, { image }]) => image),
];
const manifest = JSON.parse(read("package.json")) as {
  readonly bin: { readonly runlet: string };
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
};
const defaults = compileConfig({});

describe("the image", () => {
  it("runs as a user without privileges, given by number", () => {
    expect(said("USER")).toEqual(["1000:1000"]);
    const after = runtimeStage.slice(runtimeStage.findIndex(({ name }) => name === "USER")).map(({ name }) => name);
    expect(after).not.toContain("RUN");
    expect(after).not.toContain("COPY");
  });

  it("holds a program that its user cannot change", () => {
    const copies = runtimeStage.filter(({ name }) => name === "COPY" || name === "ADD").map(({ args }) => args);
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) expect(copy).not.toContain("--chown");
    expect(
      said("RUN")
        .join("\n")
        .match(/chown -R \S+ (.*)/u)?.[1],
    ).toBe("/data");
  });

  it("listens on the default port and keeps what it stores in its one volume", () => {
    expect(said("EXPOSE")).toEqual([String(defaults.http.port)]);
    expect(said("VOLUME")).toEqual(['["/data"]']);
    const environment = said("ENV").join(" ").split(/\s+/u);
    expect(environment).toContain("RUNLET_DATA_DIR=/data");
    expect(environment).toContain("RUNLET_CONFIG=/etc/runlet/runlet.yaml");
    expect(environment.find((entry) => entry.startsWith("HOME="))).toMatch(/^HOME=\/data\//u);
  });

  it("starts the built command line as its own process, without a shell that would keep signals to itself", () => {
    expect(said("ENTRYPOINT")).toEqual([JSON.stringify(["node", manifest.bin.runlet]).replaceAll(",", ", ")]);
    expect(said("CMD")).toEqual(['["serve", "--host", "0.0.0.0"]']);
  });

  it("copies only what there is, and what .dockerignore lets through", () => {
    const admitted = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(admitted[0]).toBe("*");
    const names = new Set(admitted.slice(1).map((line) => line.replace(/^!/u, "")));
    for (const line of admitted.slice(1)) expect(line).toMatch(/^!/u);
    const sources = instructions
      .filter(({ name, args }) => name === "COPY" && !args.includes("--from="))
      .flatMap(({ args }) => args.split(/\s+/u).slice(0, -1));
    expect(new Set(sources)).toEqual(names);
    for (const source of sources) expect(existsSync(join(ROOT, source)), source).toBe(true);
  });

  it("is built from the locked packages, by scripts there are, and has no development packages", () => {
    const build = instructions.slice(0, -runtimeStage.length).filter(({ name }) => name === "RUN");
    const commands = build.map(({ args }) => args).join("\n");
    expect(commands).toContain("npm ci");
    expect(commands).toContain("npm prune --omit=dev");
    const scripts = [...commands.matchAll(/npm run (?<script>\S+)/gu)].map(({ groups }) => groups?.["script"] ?? "");
    expect(scripts).toEqual(["build"]);
    for (const script of scripts) expect(manifest.scripts).toHaveProperty(script);
  });

  it("has the programs that confine executor processes, and no lists of packages", () => {
    const installs = said("RUN").filter((args) => args.includes("apt-get install"));
    expect(installs).toHaveLength(1);
    expect(installs[0]).toMatch(/--no-install-recommends bubblewrap && rm -rf \/var\/lib\/apt\/lists\/\*$/u);
  });

  it("has a Node that the package allows, the same in both stages", () => {
    const bases = new Set(images.filter((image) => image.startsWith("node:")));
    expect([...bases]).toHaveLength(1);
    const major = Number(/^node:(\d+)-/u.exec([...bases][0] ?? "")?.[1]);
    expect(manifest.engines.node).toBe(`>=${major}`);
  });
});

describe("the lock file", () => {
  it("has every optional package that npm ci looks for", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
    };
    const locked = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)));
    const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
  });
});

describe("every image that is used", () => {
  it.each(images)("%s has a tag that is not latest", (image) => {
    expect(image).toMatch(/^[a-z0-9./-]+:[\w.-]+$/u);
    expect(image).not.toMatch(/:latest$/u);
  });
});

describe.each(services)("the service %s", (_name, service) => {
  it("cannot write to its image or gain privileges", () => {
    expect(service["read_only"]).toBe(true);
    expect(service["cap_drop"]).toEqual(["ALL"]);
    expect(service["security_opt"]).toEqual(["no-new-privileges:true"]);
    expect(service).not.toHaveProperty("privileged");
    expect(service).not.toHaveProperty("cap_add");
    expect(service["network_mode"]).toBeUndefined();
  });

  it("has limits of memory, processors, processes and log files", () => {
    expect(service["mem_limit"]).toMatch(/^\d+[mg]$/u);
    expect(service["cpus"]).toBeGreaterThan(0);
    expect(service["pids_limit"]).toBeGreaterThan(0);
    expect(service["logging"]).toEqual({ driver: "json-file", options: { "max-size": "10m", "max-file": "3" } });
  });

  it("is checked for health and started again", () => {
    expect(service.healthcheck.test[0]).toBe("CMD");
    expect(service.healthcheck.interval).toMatch(/^\d+s$/u);
    expect(service.healthcheck.timeout).toMatch(/^\d+s$/u);
    expect(service["restart"]).toBe("unless-stopped");
    expect(service["init"]).toBe(true);
  });

  it("mounts files of the host read-only, and volumes and networks there are", () => {
    for (const mount of service.volumes) {
      const source = mount.slice(0, mount.indexOf(":/"));
      if (source.startsWith("$") || source.startsWith(".")) expect(mount).toMatch(/:ro$/u);
      else expect(compose.volumes).toHaveProperty(source);
      expect(mount).not.toContain("docker.sock");
    }
    for (const network of service.networks) expect(compose.networks).toHaveProperty(network);
  });
});

describe("the service runlet", () => {
  it("is reached from this machine only, on the port it listens on", () => {
    expect(runlet.ports).toEqual([`127.0.0.1:${defaults.http.port}:${defaults.http.port}`]);
  });

  it("asks for health as its image does", () => {
    const [check = ""] = said("HEALTHCHECK");
    const [options = "", command = ""] = check.split(/ CMD (?=\[)|^CMD /u);
    expect(["CMD", ...(JSON.parse(command) as string[])]).toEqual(runlet.healthcheck.test);
    expect(options.trim()).toBe(
      `--interval=${runlet.healthcheck.interval} --timeout=${runlet.healthcheck.timeout} --retries=3`,
    );
    expect(command).toContain("/healthz");
    expect(command).toContain(`|| ${defaults.http.port})`);
  });

  it("is built here, has room in memory for temporary files, and no secret in its environment", () => {
    expect(runlet.build).toBe(".");
    expect(runlet.tmpfs).toEqual(["/tmp:size=64m,mode=1777"]);
    expect(Object.keys(runlet.environment ?? {})).toEqual(["RUNLET_LOG_LEVEL"]);
    expect(runlet.user).toBeUndefined();
  });

  it("gets more time to stop than its runs get to end", () => {
    expect(Number.parseInt(runlet.stop_grace_period ?? "0", 10) * 1_000).toBeGreaterThan(defaults.shutdownGraceMs);
  });

  it("takes the hash of its client's key from a secret file", () => {
    expect(runlet.secrets).toEqual(["agent_key_hash"]);
    expect(compose.secrets).toEqual({ agent_key_hash: { file: "./secrets/agent_key_hash" } });
  });

  it("has an example configuration that it takes, open to one client and with nothing unknown in it", () => {
    const mounted = /^\$\{RUNLET_CONFIG_FILE:-\.\/(?<path>[^}]+)\}/u.exec(runlet.volumes[0] ?? "")?.groups?.["path"];
    const folder = mkdtempSync(join(tmpdir(), "runlet-containers-"));
    try {
      const { hash } = createClientKey();
      writeFileSync(join(folder, "agent_key_hash"), `${hash}\n`);
      const text = read(mounted ?? "");
      expect(text).toContain("${file:/run/secrets/agent_key_hash}");
      writeFileSync(join(folder, "runlet.yaml"), text.replaceAll("/run/secrets/", `${folder}/`));
      const loaded = loadOptions({ env: {}, cwd: folder, flags: { host: "0.0.0.0" } });
      expect(loaded.warnings).toEqual([]);
      const config = compileConfig(loaded.options, loaded);
      expect(config.http.host).toBe("0.0.0.0");
      expect(config.clients.map(({ principal }) => principal.id)).toEqual(["agent"]);
      expect(config.upstreams.map(({ name }) => name)).toEqual(["memory"]);
      expect(config.executors.processes).toBe(runlet["cpus"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the service redis", () => {
  it("starts only when it is asked for", () => {
    expect(redis.profiles).toEqual(["distributed"]);
    expect(runlet.profiles).toBeUndefined();
    expect(runlet["depends_on"]).toBeUndefined();
  });

  it("has no published port and no way out", () => {
    expect(redis.ports).toBeUndefined();
    expect(redis.networks.map((network) => compose.networks[network]?.internal)).toEqual([true]);
  });

  it("loses no entry: it keeps a log of what it took and evicts nothing", () => {
    const command = redis.command ?? [];
    const setting = (name: string): string | undefined => command[command.indexOf(name) + 1];
    expect(setting("--appendonly")).toBe("yes");
    expect(setting("--maxmemory-policy")).toBe("noeviction");
    const memory = Number.parseInt(setting("--maxmemory") ?? "0", 10);
    expect(Number.parseInt(String(redis["mem_limit"]), 10)).toBeGreaterThanOrEqual(2 * memory);
    expect(redis.volumes).toEqual(["redis-data:/data"]);
  });

  it("is not root", () => {
    expect(redis.user).toBe("999:1000");
  });
});

/** The Compose programs of this machine. */
const programs = [["docker", "compose"], ["docker-compose"]].filter(
  ([program = "", ...args]) => spawnSync(program, [...args, "version"]).status === 0,
);

describe("docker-compose.yml", () => {
  it.skipIf(programs.length === 0)("is taken by the Compose programs that are installed, with every profile", () => {
    for (const [program = "", ...args] of programs) {
      const { status, stderr } = spawnSync(program, [...args, "--profile", "distributed", "config", "-q"], {
        cwd: ROOT,
        encoding: "utf8",
      });
      expect({ program, status, stderr }).toEqual({ program, status: 0, stderr: "" });
    }
  });
});
