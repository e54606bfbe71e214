import { spawn } from "node:child_process";

/** The program of a system that opens addresses, and what comes before the address. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/**
 * Opens an address in the browser of whoever sits here, if anybody does; says nothing where that fails, as the address is printed
 * too. The program gets it as one argument: no shell reads it.
 *
 * @param address Of http or https.
 */
export function openBrowser(address: string): void {
  const [program, ...before] = OPENERS[process.platform] ?? ["xdg-open"];
  const opener = spawn(program, [...before, address], { detached: true, stdio: "ignore" });
  opener.on("error", () => undefined);
  opener.unref();
}
