import { posix } from "node:path";

/** A document, by its path in the repository. */
export interface Document {
  readonly file: string;
  readonly source: string;
}

/** What a document names, and the document. */
export interface Named {
  readonly file: string;
  readonly named: string;
}

/** What the repository holds: files and folders by their paths, `/` between the parts. */
export class Tree {
  readonly #paths: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;

  constructor(files: readonly string[]) {
    const folders = files.flatMap((file) =>
      file.split("/").flatMap((_, i, parts) => (i === 0 ? [] : [parts.slice(0, i).join("/")])),
    );
    this.#paths = new Set([...files, ...folders]);
    this.#names = new Set(files.map((file) => posix.basename(file)));
  }

  /** True when the path is a file or a folder. */
  has(path: string): boolean {
    return this.#paths.has(posix.normalize(path).replace(/\/$/, ""));
  }

  /** True when a file of that name is in any folder. */
  hasName(name: string): boolean {
    return this.#names.has(name);
  }
}

/** `a/{b,c}.ts` is `a/b.ts` and `a/c.ts`. */
function expanded(pattern: string): readonly string[] {
  const [, before = "", parts, after = ""] = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern) ?? [];
  if (parts === undefined) return [pattern];
  return parts.split(",").flatMap((part) => expanded(`${before}${part.trim()}${after}`));
}

const inlineCode = (source: string): readonly string[] =>
  [...source.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

const ROOM = /^(?:bin|client|dashboard|doc|functions|lib|localstack|simulator|test)\/[\w./{},-]*$/;

/**
 * The paths in inline code that are not there. A path begins with a room of the repository, or with a folder of `test` where the document says
 * so. Leaves out what a build makes (`made`) and paths with placeholders.
 */
export const missingPaths = (documents: readonly Document[], tree: Tree, made: readonly string[]): readonly Named[] =>
  documents.flatMap(({ file, source }) => {
    const isBelowTest = source.includes("The file is below `test/`");
    const isThere = (path: string) =>
      [path, `${path}.ts`, ...(isBelowTest ? [`test/${path}`] : [])].some((one) => tree.has(one));
    return inlineCode(source)
      .filter((code) => ROOM.test(code) && !made.includes(code))
      .filter((code) => !expanded(code).every(isThere))
      .map((named) => ({ file, named }));
  });

/** The names of sources in inline code, such as `http-api.ts`, that no folder holds. */
export const missingNames = (documents: readonly Document[], tree: Tree): readonly Named[] =>
  documents.flatMap(({ file, source }) =>
    inlineCode(source)
      .filter((code) => /^[\w.-]+\.(?:ts|tsx|mjs)$/.test(code) && !tree.hasName(code))
      .map((named) => ({ file, named })),
  );

/** The headings of a document, as GitHub makes addresses of them. */
const anchorsOf = (source: string): ReadonlySet<string> =>
  new Set(
    [...source.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );

/** The links that lead to no file, folder or heading. Addresses of other hosts are left out. */
export const deadLinks = (documents: readonly Document[], tree: Tree): readonly Named[] =>
  documents.flatMap(({ file, source }) =>
    [...source.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? file : posix.join(posix.dirname(file), path);
        if (!tree.has(target)) return true;
        const page = documents.find((one) => one.file === posix.normalize(target));
        return anchor !== undefined && page !== undefined && !anchorsOf(page.source).has(anchor);
      })
      .map((named) => ({ file, named })),
  );

/** A command line that a document names: the program's words, and its flags. */
export interface CommandLine extends Named {
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/** The command lines of inline code and code blocks that begin with these words. What follows `#` or `|` is another matter. */
export const commandLines = (documents: readonly Document[], program: RegExp): readonly CommandLine[] =>
  documents.flatMap(({ file, source }) => {
    const blocks = [...source.matchAll(/```\w*\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
      block.replaceAll("\\\n", " ").split("\n"),
    );
    return [...blocks, ...inlineCode(source)].flatMap((line) => {
      const found = program.exec(line.trim());
      if (found === null) return [];
      const [command = ""] = line
        .trim()
        .slice(found[0].length)
        .split(/ [#|>]/);
      const parts = command.trim().split(/\s+/);
      const flags = parts.flatMap((part) => /^\[?(--[a-z][\w-]*)/.exec(part)?.[1] ?? []);
      return [{ file, named: line.trim(), words: parts.filter((part) => /^[a-z][a-z:-]*$/.test(part)), flags }];
    });
  });

/** The rows of the first table of a document whose head begins with `head`: the texts of the cells. Throws when there is no such table. */
export function tableOf({ file, source }: Document, head: string): readonly (readonly string[])[] {
  const lines = source.split("\n");
  const at = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  if (at < 0) throw new Error(`${file} has no table of ${head}`);
  const rows = lines.slice(at + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end < 0 ? rows.length : end).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
