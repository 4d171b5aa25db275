/** `npm run openapi`: writes the API document anew, from the schemas of functions/contracts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiDocument } from "../lib/openapi/document.ts";

const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const file = join(root, "functions", "handlers", "gateway", "openapi.json");
writeFileSync(file, `${JSON.stringify(apiDocument(version), null, 2)}\n`);
process.stdout.write(`${file} is current.\n`);
