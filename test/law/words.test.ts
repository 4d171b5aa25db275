import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { trespassesIn, WORD_RULES, type WordException } from "./plain-words.ts";

const ROOMS = "{bin,client,dashboard,doc,functions,lib,localstack,simulator,test}";
const PLACES = ["*.md", "*.yaml", ".dependency-cruiser.mjs", `${ROOMS}/**/*.{ts,tsx,md,yaml,css,html}`];
/** Files that hold the words on purpose, or that are made. */
const LEFT_OUT = /^test\/law\/(?:plain-words|words\.test)\.ts$|\/fixtures\/|^client\/dist\//;

const EXCEPTIONS: readonly WordException[] = [
  { file: "doc/glossary.md", phrase: "merge train (GitLab)", why: "the name in another product" },
  { file: "localstack/fakes/github/routes.ts", phrase: "`anyone`", why: "a value in code" },
  {
    file: "test/adapters/git/sandbox.ts",
    phrase: "committer Someone <someone@example.test>",
    why: "the name of a person",
  },
  { file: "test/handlers/github/pull-request.test.ts", phrase: "@everyone", why: "a mention, as a build prints it" },
];

const FILES = PLACES.flatMap((place) => globSync(place))
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !LEFT_OUT.test(file))
  .map((file) => ({ file, source: readFileSync(file, "utf8") }));

describe("comments, documents, titles and messages", () => {
  it("name the noun, and use the words of the glossary", () => {
    expect(FILES.length).toBeGreaterThan(800);
    expect(FILES.flatMap(({ file, source }) => trespassesIn(file, source, EXCEPTIONS))).toEqual([]);
  });

  it("hold no mark of a merge that was not finished", () => {
    const marks = /^(?:<{7}|={7}|>{7})(?: |$)/m;
    expect(FILES.filter(({ source }) => marks.test(source)).map(({ file }) => file)).toEqual([]);
    expect(["<<<<<<< ours\n", "a\n=======\n", "a\n>>>>>>> theirs"].every((text) => marks.test(text))).toBe(true);
  });

  it.each(EXCEPTIONS)("still need the exception $phrase in $file", (exception) => {
    const source = FILES.find(({ file }) => file === exception.file)?.source ?? "";
    const others = EXCEPTIONS.filter((one) => one !== exception);
    expect(trespassesIn(exception.file, source, others)).not.toEqual([]);
  });
});

describe("a file that breaks a rule", () => {
  it.each(WORD_RULES)("is named with its line and advice: $trespass", ({ trespass, plain, advice }) => {
    const found = trespassesIn("functions/a.ts", `const a = 1;\n\n/** ${trespass} */\nconst b = 2;\n`);
    expect(found).toEqual([expect.stringMatching(/^functions\/a\.ts:3: ".+": /)]);
    expect(found[0]).toContain(advice);
    expect(trespassesIn("functions/a.ts", `/** ${plain} */\n`)).toEqual([]);
  });

  it.each([
    ["a line comment", "test/a.test.ts", "// what nobody asked for\n"],
    ["a comment of several lines", "functions/a.ts", "/**\n * The build ahead, and that\n * one. Then more.\n */\n"],
    ["a title", "test/a.test.ts", 'it("tells whoever waits", () => {});\n'],
    ["a message", "functions/a.ts", "throw new Error(`a path that ${name} guesses: a guess`);\n"],
    ["a text of the page", "dashboard/a.tsx", "return <p className={style}>Seen by everybody\n here</p>;\n"],
    ["a document", "doc/a.md", "The batches depart together.\n"],
    ["a text behind a regular expression with quotes", "functions/a.ts", "const q = /[\"'`]/g;\n// for anyone\n"],
    ["a comment of a style sheet", "dashboard/a.css", "/* for everyone */\n"],
  ])("is found by %s", (_, file, source) => {
    expect(trespassesIn(file, source)).not.toEqual([]);
  });

  it.each([
    ["a name in code", "functions/a.ts", "const guess = train(whoever);\n"],
    ["a value of one word", "test/a.test.ts", 'put({ owner: "nobody" });\n'],
    ["so that one", "functions/a.ts", "/** Grouped, so that one query is enough. */\n"],
    ["a part of a word", "doc/a.md", "A trained model, a dashboard, and a keyboard.\n"],
  ])("is not: %s", (_, file, source) => {
    expect(trespassesIn(file, source)).toEqual([]);
  });
});
