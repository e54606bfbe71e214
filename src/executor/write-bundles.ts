/** Writes the executor's bundles into a built package: `node src/executor/write-bundles.ts dist`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLE_FILES, makeBundles } from "./bundles.ts";

const [folder = "dist"] = process.argv.slice(2);
const bundles = await makeBundles();
await writeFile(join(folder, BUNDLE_FILES.runtime), bundles.runtime);
await writeFile(join(folder, BUNDLE_FILES.process), bundles.process);
