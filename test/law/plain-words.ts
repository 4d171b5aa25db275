/** A word that makes a text hard to read, and the word to write instead. */
export interface WordRule {
  /** Source of a regular expression without case. A blank stands for any gap between two words, also for a line break in a comment. */
  readonly words: string;
  readonly advice: string;
  /** A sentence that breaks the rule. */
  readonly trespass: string;
  /** The same sentence as the rule asks for it. */
  readonly plain: string;
}

/** Words that stand for a noun which the reader has to find. */
const RIDDLES: readonly WordRule[] = [
  {
    words: "(?:who|whom|which|what)(?:so)?ever",
    advice: "name the noun: each caller that …, every file that …",
    trespass: "Whoever waits is told why.",
    plain: "A waiting request is told why.",
  },
  {
    words: "(?:some|any|every|no)body|(?:some|any|every)one|no one",
    advice: "name the noun: a caller, a user, a batch; no batch, every caller",
    trespass: "A failure that nobody caused.",
    plain: "A failure that no batch caused.",
  },
  {
    words:
      "that one(?=[.,:;)!?\"'`]| (?:alone|again|also|fails?|has|is|joins?|lands?|needs|passes|then|too|was|will)\\b)",
    advice: "repeat the noun: that build, the batch ahead",
    trespass: "A path is built again when that one fails.",
    plain: "A path is built again when its build fails.",
  },
  {
    words: "those that (?:are|were)",
    advice: "repeat the noun: the builds that are …",
    trespass: "It keeps those that are running.",
    plain: "The index keeps the builds that are running.",
  },
  {
    words: "(?:pass|passes|passed|join|joins|joined) by itself",
    advice: "one of its own builds has passed; only a trunk fails by itself",
    trespass: "The batch has to pass by itself first.",
    plain: "One of the batch's own builds has to pass first.",
  },
];

/** The old words of the core, with the words that took their places (doc/glossary.md). */
const RENAMED: readonly WordRule[] = [
  {
    words: "reckon(?:s|ed|ing)?|reckonedBy",
    advice: "relevant conflicts: the conflicts that a passed build must have right",
    trespass: "The batches that it reckons with.",
    plain: "The relevant conflicts of the batch.",
  },
  {
    words: "nearOf|speaksFor|speaks? for",
    advice: "conflictsOf; a build *tests* everything, or what its heads affect",
    trespass: "A build speaks for its heads.",
    plain: "A build tests what its heads affect.",
  },
  {
    words: "board(?:s|ed|ing)?|depart(?:s|ed|ing|ures?)?|passengers?",
    advice: "a batch *starts landing*; LandableBatch, selectLandable",
    trespass: "A bundle departs when all have passed.",
    plain: "A bundle starts landing when all have passed.",
  },
  {
    words: "trains?",
    advice: "landed together, one push; only GitLab has merge trains",
    trespass: "The batches of one train.",
    plain: "The batches that landed together.",
  },
  {
    words: "crowds?|rungs?",
    advice: "bundle; tier of probability; say which share of which set",
    trespass: "Paths of one rung are equally likely.",
    plain: "Paths of one tier are equally likely.",
  },
  {
    words: "excus(?:e|es|ed)|suspect(?:s|ed)?",
    advice: "a possible cause of a failure; a failure that counts against a batch, or does not",
    trespass: "Both heads are suspected.",
    plain: "Both heads may have caused the failure.",
  },
  {
    words: "guess(?:es)?",
    advice: "a path: a head and one assumption per dependency",
    trespass: "Each guess is built once.",
    plain: "Each path is built once.",
  },
  {
    words: "hears?|heard",
    advice: "is told, is sent, learns",
    trespass: "The log hears of each build.",
    plain: "The log is told of each build.",
  },
  {
    words: "hangs? on",
    advice: "depends on; conflicts with a batch ahead",
    trespass: "C hangs on B.",
    plain: "C conflicts with B and is behind B.",
  },
  {
    words: "ours-batch-\\d+|batch\\.maxSize|nextPlace|nextOrder|memo",
    advice: "ours-bundle-8, bundle.maxSize, nextPosition, compose cache",
    trespass: "`batch.maxSize` is 8.",
    plain: "`bundle.maxSize` is 8.",
  },
];

export const WORD_RULES: readonly WordRule[] = [...RIDDLES, ...RENAMED];

/** A phrase of one file in which a word of the rules is right. */
export interface WordException {
  readonly file: string;
  readonly phrase: string;
  readonly why: string;
}

/** Where the text goes on after a line break: behind the sign of a comment, a list or a table. */
const GAP = "\\s+(?:(?:\\*|//|#|\\|)\\s+)?";
const COMPILED = WORD_RULES.map((rule) => ({
  ...rule,
  pattern: new RegExp(`(?<![\\w-])(?:${rule.words.replaceAll(" ", GAP)})(?![\\w-])`, "gim"),
}));
/** Any word of the rules, to pass over a file at once. */
const ANY = new RegExp(COMPILED.map(({ pattern }) => pattern.source).join("|"), "im");

/** Comments, regular expressions, and literals of TypeScript, in this order. JSX text is between `>` and `<`. */
const TOKENS =
  /(?<comment>\/\*[\s\S]*?\*\/|\/\/[^\n]*)|(?<=[=(,:?[!&|;{}]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|(?<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|(?<=>)(?<jsx>[^<>{}]+)(?=<)/g;

/** From where to where there is text for people: comments, and literals of more than one word. All of a file that is not TypeScript. */
function textsOf(file: string, source: string): readonly (readonly [from: number, to: number])[] {
  if (!/\.tsx?$/.test(file)) return [[0, source.length]];
  return [...source.matchAll(TOKENS)].flatMap(({ 0: token, index, groups = {} }) =>
    groups["comment"] !== undefined ||
    (token.trim().includes(" ") && (groups["literal"] ?? groups["jsx"]) !== undefined)
      ? [[index, index + token.length] as const]
      : [],
  );
}

/** One line per word that breaks a rule: `file:line: word: advice`. */
export function trespassesIn(file: string, source: string, exceptions: readonly WordException[] = []): string[] {
  if (!ANY.test(source)) return [];
  const blanked = exceptions
    .filter((exception) => exception.file === file)
    .reduce((text, { phrase }) => text.replaceAll(phrase, " ".repeat(phrase.length)), source);
  const texts = textsOf(file, blanked);
  return COMPILED.flatMap(({ pattern, advice }) =>
    [...blanked.matchAll(pattern)]
      .filter(({ index }) => texts.some(([from, to]) => index >= from && index < to))
      .map(({ 0: word, index }) => {
        const line = blanked.slice(0, index).split("\n").length;
        return `${file}:${line}: "${word.replace(/\s+/g, " ")}": ${advice}`;
      }),
  );
}
