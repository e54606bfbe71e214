import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { nodeCommand } from "./executor-command.ts";

const run = promisify(execFile);

/** Longest the loader may take to list the libraries of a program. @source measured: 2 to 4 ms */
const LIST_WITHIN_MS = 5_000;
/** Where the loader finds libraries that are in no default folder. */
const LOADER_CACHE = "/etc/ld.so.cache";
/** The part of a program that holds its header and its program headers. @source ELF-64: both are at its start */
const HEADER_BYTES = 4_096;
/** Type of the program header that names the loader. @source ELF-64 `PT_INTERP` */
const PT_INTERP = 3;

/**
 * Every file an executor process needs: Node, isolated-vm's binary, their shared libraries, the loader and its cache. Each
 * by the path under which it is opened, which may be one with links in it.
 *
 * @param nativeModule Path of isolated-vm's binary.
 * @throws Error when the loader does not tell: this Node is no 64-bit little-endian ELF program, or the loader fails.
 */
export async function executorFiles(nativeModule: string): Promise<readonly string[]> {
  const loader = await loaderOf(process.execPath);
  const own = loader === undefined ? [] : [loader, ...(existsSync(LOADER_CACHE) ? [LOADER_CACHE] : [])];
  const lists =
    loader === undefined
      ? []
      : await Promise.all([process.execPath, nativeModule].map((file) => librariesOf(loader, file)));
  return Array.from(new Set([process.execPath, nativeModule, ...own, ...lists.flat()]));
}

/** The loader a program asks for; `undefined` when it is linked statically. */
async function loaderOf(program: string): Promise<string | undefined> {
  const file = await open(program);
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    // "\x7fELF", 64 bits, little-endian.
    if (buffer.toString("latin1", 0, 6) !== "\x7fELF\x02\x01")
      throw new Error(`${program} is not a 64-bit ELF program`);
    const [start, size, count] = [Number(buffer.readBigUInt64LE(32)), buffer.readUInt16LE(54), buffer.readUInt16LE(56)];
    for (let at = start; at < start + size * count && at + size <= HEADER_BYTES; at += size) {
      if (buffer.readUInt32LE(at) !== PT_INTERP) continue;
      const path = Buffer.alloc(Number(buffer.readBigUInt64LE(at + 32)));
      await file.read(path, 0, path.length, Number(buffer.readBigUInt64LE(at + 8)));
      return path.toString("utf8").replace(/\0.*$/su, "");
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** Paths of the libraries a file is linked with, as the loader finds them for an executor process. */
async function librariesOf(loader: string, file: string): Promise<string[]> {
  const { env } = nodeCommand([], []);
  const { stdout } = await run(loader, ["--list", file], { env, timeout: LIST_WITHIN_MS, killSignal: "SIGKILL" });
  return stdout
    .split("\n")
    .flatMap((line) => /(?:^|=>)\s*(?<path>\/.+) \(0x[0-9a-f]+\)$/u.exec(line)?.groups?.["path"] ?? []);
}
