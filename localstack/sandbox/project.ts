/** Repository paths and what the files hold. */
export type Files = Readonly<Record<string, string>>;

/** What checks the sandbox project, at any commit. */
export const CHECK_COMMAND = "node check.js";

const NAMES = ["billing", "catalog", "checkout", "delivery", "returns", "search", "stock", "support"];

/** The names of the project's folders: as many as asked for. */
export const folderNames = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const name = NAMES[i % NAMES.length] ?? "area";
    return i < NAMES.length ? name : `${name}-${Math.floor(i / NAMES.length) + 1}`;
  });

const check = `// Loads every module of every folder, runs the checks that they export, and exits 1 when one of them fails.
import { readdir } from "node:fs/promises";

const folders = (await readdir(".", { withFileTypes: true })).filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
let run = 0;
const failures = [];
for (const { name: folder } of folders) {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".js")).sort()) {
    try {
      const { checks = {} } = await import(\`./\${folder}/\${file}\`);
      for (const [name, check] of Object.entries(checks)) {
        run += 1;
        try {
          await check();
        } catch (error) {
          failures.push(\`\${folder}/\${file}: \${name}: \${error.message}\`);
        }
      }
    } catch (error) {
      failures.push(\`\${folder}/\${file} does not load: \${error.message}\`);
    }
  }
}
for (const failure of failures) console.log("FAIL " + failure);
console.log(\`\${run} checks, \${failures.length} failures\`);
process.exit(failures.length > 0 || run === 0 ? 1 : 0);
`;

const items = (folder: string): string => `// What ${folder} deals in. Amounts are whole cents.
const ITEMS = new Map([
  ["tea", { name: "tea", cents: 450, grams: 100 }],
  ["cup", { name: "cup", cents: 1200, grams: 350 }],
  ["pot", { name: "pot", cents: 3900, grams: 1400 }],
]);

export const names = () => [...ITEMS.keys()];

export function find(name) {
  const item = ITEMS.get(name);
  if (!item) throw new Error(\`no such item: \${name}\`);
  return item;
}
`;

/** `functions` are the names under which the price of an item can be asked for. */
export const prices = (functions: readonly string[]): string => `import { find } from "./items.js";

${functions
  .map(
    (name) => `/** The price of one item with tax, in whole cents. */
export const ${name} = (item) => Math.round(find(item).cents * 1.2);
`,
  )
  .join("\n")}`;

export const pricesCheck = (fn: string): string => `import assert from "node:assert/strict";
import { ${fn} } from "./prices.js";

export const checks = {
  "a price holds the tax": () => assert.equal(${fn}("tea"), 540),
  "a price is whole cents": () => assert.ok(Number.isInteger(${fn}("pot"))),
};
`;

export const report = (fn: string): string => `import { names } from "./items.js";
import { ${fn} } from "./prices.js";

export const report = () => names().map((name) => \`\${name}: \${${fn}(name)}\`);
`;

const reportCheck = `import assert from "node:assert/strict";
import { report } from "./report.js";

export const checks = {
  "a report has a line for each item": () => assert.deepEqual(report(), ["tea: 540", "cup: 1440", "pot: 4680"]),
};
`;

const clock = `// The time that checks go by: it never goes back, as the time of day may.
export const now = () => performance.now();

/** Lets time pass, in milliseconds. */
export const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

const clockCheck = `import assert from "node:assert/strict";
import { now, pass } from "./clock.js";

export const checks = {
  "time passes": async () => {
    const start = now();
    await pass(20);
    assert.ok(now() - start >= 15);
  },
};
`;

/** The project that the trunk starts with. */
export const startingProject = (folders: readonly string[]): Files => ({
  "README.md": `# Tea shop\n\nA small shop, to try a submit queue on. \`${CHECK_COMMAND}\` checks all of it.\n`,
  "package.json": `${JSON.stringify({ name: "tea-shop", private: true, type: "module", scripts: { check: CHECK_COMMAND } }, null, 2)}\n`,
  "check.js": check,
  ...Object.fromEntries(
    folders.flatMap((folder) => [
      [`${folder}/clock.js`, clock],
      [`${folder}/clock.check.js`, clockCheck],
      [`${folder}/items.js`, items(folder)],
      [`${folder}/prices.js`, prices(["price"])],
      [`${folder}/prices.check.js`, pricesCheck("price")],
      [`${folder}/report.js`, report("price")],
      [`${folder}/report.check.js`, reportCheck],
    ]),
  ),
});
