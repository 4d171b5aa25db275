import { readFileSync } from "node:fs";
import { type Document, LineCounter, parseDocument } from "yaml";
import type * as z from "zod";
import { QueuesConfig } from "../functions/contracts/queues.ts";
import { type Problem, rulingsOn, sentenceOf } from "./deployment-rules.ts";
import type { Target } from "./settings.ts";

/** Everything that is wrong with a queue configuration, at once: one problem a line, each naming line, column and field. */
export class QueuesFileError extends Error {
  override readonly name = "QueuesFileError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const ONE_ALONE = "the file holds several documents: take out this --- and all below it, or what is above it";

/** The queue configuration of a YAML (or JSON) file, fit for the target. Throws QueuesFileError, also when the file can't be read. */
export function readQueuesFile(path: string, target: Target = "embedded"): QueuesConfig {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new QueuesFileError([`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
  return parseQueues(text, path, target);
}

/** `name` is what the problems call the text by. Throws QueuesFileError. */
export function parseQueues(text: string, name: string, target: Target = "embedded"): QueuesConfig {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  if (document.errors.length > 0)
    throw new QueuesFileError(
      document.errors.map(
        ({ pos, code, message }) => `${at(pos[0])} ${code === "MULTIPLE_DOCS" ? ONE_ALONE : message}`,
      ),
    );
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    throw new QueuesFileError([`${name}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const parsed = QueuesConfig.safeParse(value ?? {});
  const problems = parsed.success ? undeployableIn(parsed.data, target) : parsed.error.issues.flatMap(problemsOf);
  if (problems.length > 0)
    throw new QueuesFileError(
      problems.map((problem) => `${at(offsetOf(document, problem.field))} ${sentenceOf(problem)}`),
    );
  return QueuesConfig.parse(value);
}

function undeployableIn(queues: QueuesConfig, target: Target): readonly Problem[] {
  const { errors, undeployable } = rulingsOn(queues, target);
  return [...errors, ...undeployable];
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== "unrecognized_keys")
    return [
      { field: issue.path, what: issue.message.replace(/^Invalid input: (.*), received undefined$/, "missing: $1") },
    ];
  return issue.keys.map((key) => ({ field: [...issue.path, key], what: "there is no such field" }));
}

/** Where a field is written; for one that is missing, where its nearest parent is. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const range = keyRange(parent, path[length - 1]) ?? nodeRange(document.getIn(path.slice(0, length), true));
    if (range !== undefined) return range;
  }
  return nodeRange(document.contents) ?? 0;
}

function keyRange(parent: unknown, key: PropertyKey | undefined): number | undefined {
  if (typeof parent !== "object" || parent === null || !("items" in parent) || !Array.isArray(parent.items)) return;
  for (const item of parent.items) {
    if (typeof item === "object" && item !== null && "key" in item && String(item.key) === String(key))
      return nodeRange(item.key);
  }
  return undefined;
}

function nodeRange(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return;
  const [start] = node.range;
  return typeof start === "number" ? start : undefined;
}
