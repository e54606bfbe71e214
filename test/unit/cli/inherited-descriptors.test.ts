import { spawnSync } from "node:child_process";
import type { StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MODULE = fileURLToPath(new URL("../../../src/cli/inherited-descriptors.ts", import.meta.url));

/** What a program prints that was started with a file left open in it, behind a gap as shells leave one. */
function startedWithOpenFile(code: string): string {
  const left = openSync(MODULE, "r");
  const stdio: StdioOptions = ["ignore", "pipe", "inherit", ...Array<"ignore">(37).fill("ignore"), left];
  const program = `import { closeInheritedDescriptors } from ${JSON.stringify(MODULE)};
    import * as fs from "node:fs";
    ${code}`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { stdio, encoding: "utf8" });
  closeSync(left);
  return stdout;
}

test("what whoever started the process left open is closed", () => {
  const printed = startedWithOpenFile(`
    const open = (fd) => { try { fs.fstatSync(fd); return true; } catch { return false; } };
    const before = open(40);
    const closed = closeInheritedDescriptors();
    console.log(JSON.stringify([before, closed.includes(40), open(40)]));`);
  expect(JSON.parse(printed)).toEqual([true, true, false]);
});

test("what the process opened itself stays open, and so do its standard streams", () => {
  const printed = startedWithOpenFile(`
    const own = fs.openSync(${JSON.stringify(MODULE)}, "r");
    const server = (await import("node:net")).createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const closed = closeInheritedDescriptors();
    const { stdout } = (await import("node:child_process")).spawnSync("echo", ["still works"], { encoding: "utf8" });
    console.log(JSON.stringify([closed.some((fd) => fd < 3 || fd === own), fs.fstatSync(own).isFile(), stdout]));
    server.close();`);
  expect(JSON.parse(printed)).toEqual([false, true, "still works\n"]);
});

test("closing twice finds nothing the second time", () => {
  const printed = startedWithOpenFile(`
    closeInheritedDescriptors();
    console.log(JSON.stringify(closeInheritedDescriptors()));`);
  expect(JSON.parse(printed)).toEqual([]);
});
