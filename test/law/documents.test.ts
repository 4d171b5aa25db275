import { globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../client/cli/program.ts";
import { TABLES, TOPICS } from "../../lib/ownership.ts";
import {
  commandLines,
  type Document,
  deadLinks,
  missingNames,
  missingPaths,
  Tree,
  tableOf,
} from "./named-in-documents.ts";

const ROOMS = "{bin,client,dashboard,doc,functions,lib,localstack,simulator,test}";
const FILES = ["*", ".*", `${ROOMS}/**`].flatMap((place) => globSync(place)).map((file) => file.replaceAll("\\", "/"));
const TREE = new Tree(FILES);
/** What a build makes. */
const MADE = ["client/dist"];
const DOCUMENTS: readonly Document[] = FILES.filter(
  (file) => file.endsWith(".md") && !file.startsWith("client/dist/"),
).map((file) => ({ file, source: readFileSync(file, "utf8") }));
const PAGES = DOCUMENTS.filter(({ file }) => /^doc\/rfc\/(?!README)/.test(file));
const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(readFileSync("package.json", "utf8"));

/** The room whose sources read the flags of a script. */
const ROOM_OF: Readonly<Record<string, string>> = {
  start: "localstack/embedded",
  demo: "localstack/demo",
  "localstack:deploy": "localstack/deploy",
  bench: "test/bench",
  simulate: "simulator",
  "export-history": "simulator",
};

const page = (name: string): Document => {
  const found = DOCUMENTS.find(({ file }) => file === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** The help of `submitqueue` for these words. Undefined when there is no such verb. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const terminal = { out: say, err: say, isTTY: false, colours: false, columns: 120, rows: 24 };
  const simulator = { simulate: async () => 0, history: async function* () {} };
  const surroundings = { terminal, environment: {}, interrupted: new AbortController().signal, simulator };
  const code = await runCommandLine([...words, "--help"], surroundings);
  const help = said.join("");
  return code === 0 && words.every((word) => help.includes(word)) ? help : undefined;
}

const roomNames = (): readonly string[] => ROOMS.slice(1, -1).split(",");

/** The verbs in a help text, such as `land`. */
const verbsIn = (help: string): ReadonlySet<string> =>
  new Set([...(help.split("Commands:\n")[1] ?? "").matchAll(/^ {2}([a-z-]+)/gm)].map(([, verb = ""]) => verb));

describe("the documents", () => {
  it("are read", () => {
    expect(DOCUMENTS.length).toBeGreaterThan(35);
    expect(PAGES.length).toBeGreaterThan(25);
  });

  it("link to files, folders and headings that are there", () => {
    expect(deadLinks(DOCUMENTS, TREE)).toEqual([]);
  });

  it("name paths and sources that are there", () => {
    expect(missingPaths(DOCUMENTS, TREE, MADE)).toEqual([]);
    expect(missingNames(DOCUMENTS, TREE)).toEqual([]);
  });

  it("name npm scripts that are there, with flags that their programs take", () => {
    const named = commandLines(DOCUMENTS, /^npm (?:run (?:-s )?|(?=start|test\b))/);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ words: [script = ""] }) => scripts[script] === undefined)).toEqual([]);
    const unknown = named.filter(({ words: [script = ""], flags }) => {
      const room = ROOM_OF[script];
      const sources = room === undefined ? [] : globSync(`{${room},client}/**/*.ts`);
      const takes = (flag: string) =>
        flag === "--help" ||
        sources.some((file) => new RegExp(`"(?:-\\w, )?${flag}\\b`).test(readFileSync(file, "utf8")));
      return !flags.every(takes);
    });
    expect(unknown).toEqual([]);
  });

  it("name verbs and flags of submitqueue that are there", async () => {
    const root = (await helpOf([])) ?? "";
    const verbs = verbsIn(root);
    const named = commandLines(DOCUMENTS, /^(?:npx )?submitqueue /).filter(({ named: line }) => !line.includes("…"));
    expect(named.length).toBeGreaterThan(25);
    for (const { file, named: line, words, flags } of named) {
      const [verb = "", second = ""] = words;
      if (verb === "" && flags.every((flag) => root.includes(flag))) continue;
      expect(verbs, `${file}: ${line}`).toContain(verb);
      const help = (await helpOf([verb])) ?? "";
      const inner = verbsIn(help);
      if (inner.size > 0 && second !== "") expect(inner, `${file}: ${line}`).toContain(second);
      const whole = inner.size > 0 && second !== "" ? ((await helpOf([verb, second])) ?? "") : help;
      for (const flag of flags) expect(`${root}${whole}`, `${file}: ${line}`).toContain(flag);
    }
  });

  it("say on each page of doc/rfc what was rejected, and list each page", () => {
    expect(PAGES.filter(({ source }) => !/^## Rejected/m.test(source)).map(({ file }) => file)).toEqual([]);
    const listed = page("doc/rfc/README.md").source;
    expect(PAGES.filter(({ file }) => !listed.includes(`(${file.replace("doc/rfc/", "")})`))).toEqual([]);
  });

  it("explain each word of the glossary once", () => {
    const words = page("doc/glossary.md")
      .source.split("\n")
      .flatMap((line) => /^\| \*\*(.+?)\*\*/.exec(line)?.[1] ?? []);
    expect(words.length).toBeGreaterThan(100);
    expect(words.filter((word, i) => words.indexOf(word) < i)).toEqual([]);
  });

  it("have the topics, the tables and the rooms of the code in doc/architecture.md", () => {
    const names = (head: string) => tableOf(page("doc/architecture.md"), head).map(([name]) => name);
    expect(names("topic").toSorted()).toEqual(Object.keys(TOPICS).toSorted());
    expect(names("table").toSorted()).toEqual(Object.keys(TABLES).toSorted());
    const { source } = page("doc/architecture.md");
    for (const room of [...globSync("functions/*/").map((folder) => posix.basename(folder)), ...roomNames()])
      expect(source).toMatch(new RegExp(`^ *${room}/( |$)`, "m"));
  });
});

describe("a document that names what is not there", () => {
  const tree = new Tree(["doc/a.md", "lib/b.ts", "test/lib/b.test.ts"]);
  const doc = (source: string): Document[] => [{ file: "doc/a.md", source }];

  it.each(["[b](../lib/c.ts)", "[b](#nowhere)", "[b](a.md#nowhere)"])("is found by its link %s", (link) => {
    expect(deadLinks(doc(`# Here\n\n${link}`), tree)).toHaveLength(1);
  });

  it.each(["[b](../lib/b.ts)", "[b](#here-it-is)", "[b](../test/)", "[b](https://example.com/x)"])(
    "is not a document with the link %s",
    (link) => {
      expect(deadLinks(doc(`# Here it is\n\n${link}`), tree)).toEqual([]);
    },
  );

  it("is found by its path, also in braces, and by the name of a source", () => {
    expect(missingPaths(doc("`lib/b.ts`, `lib/{b,c}.ts`"), tree, [])).toEqual([
      { file: "doc/a.md", named: "lib/{b,c}.ts" },
    ]);
    expect(missingNames(doc("`b.ts` and `c.ts`"), tree)).toEqual([{ file: "doc/a.md", named: "c.ts" }]);
  });

  it("is read by its commands: words and flags, without comments", () => {
    const [found] = commandLines(
      doc("```sh\nsubmitqueue queue pause --reason why # and so on --no\n```"),
      /^submitqueue /,
    );
    expect(found).toMatchObject({ words: ["queue", "pause", "why"], flags: ["--reason"] });
  });

  it("has a table of that head, or is refused", () => {
    const [table] = doc("| topic | x |\n|---|---|\n| a | b |\n\nmore") as [Document];
    expect(tableOf(table, "topic")).toEqual([["a", "b"]]);
    expect(() => tableOf(table, "other")).toThrow("doc/a.md has no table of other");
  });
});
