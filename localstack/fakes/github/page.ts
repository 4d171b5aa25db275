import type { CheckRun, IssueComment, PullRequest } from "./records.ts";
import type { RepositoryState } from "./state.ts";

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1f2328;background:#fff}
article{border:1px solid #d1d9e0;border-radius:8px;margin:1.5rem 0;padding:0 1rem 1rem}
h2{font-size:1.15rem;margin:.8rem 0 .2rem}h2 small{color:#59636e;font-weight:400}
.tag{border-radius:1em;color:#fff;font-size:.8rem;padding:.1em .7em}.open{background:#1a7f37}.merged{background:#8250df}.closed{background:#cf222e}
.label{background:#ddf4ff;border-radius:1em;font-size:.8rem;padding:.1em .7em}
.check{border-left:4px solid #9a6700;background:#f6f8fa;margin:.6rem 0;padding:.3rem .8rem}.success{border-color:#1a7f37}.failure{border-color:#cf222e}.cancelled{border-color:#59636e}
.comment{border:1px solid #d1d9e0;border-radius:6px;margin:.6rem 0}.comment header{background:#f6f8fa;border-bottom:1px solid #d1d9e0;color:#59636e;padding:.2rem .8rem}.comment div{padding:.1rem .8rem}
table{border-collapse:collapse}td,th{border:1px solid #d1d9e0;padding:.1rem .6rem;text-align:left}
pre,code{background:#eff1f3;border-radius:4px;font-size:.85em}code{padding:.1em .3em}pre{overflow:auto;padding:.6rem}
blockquote{border-left:3px solid #d1d9e0;color:#59636e;margin:.5rem 0;padding:0 .8rem}`;

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** The page at a path, such as `/acme/shop/pulls`, as a browser is shown it. Undefined when there is none. */
export function pageAt(path: string, repositories: ReadonlyMap<string, RepositoryState>): string | undefined {
  const [, name = "", what, id = ""] =
    /^\/([^/]+\/[^/]+)\/(pulls|pull\/\d+|runs|actions\/runs)(?:\/(\d+))?$/.exec(path) ?? [];
  const repository = repositories.get(name);
  if (repository === undefined) return undefined;
  if (what === "runs") return runPageOf(repository, id);
  return what === "actions/runs" ? workflowRunPageOf(repository, id) : pageOf(repository);
}

/** A page with the pull requests of a repository, the newest first, each with its labels, its checks and its comments. */
export function pageOf(repository: RepositoryState): string {
  const { fullName, pulls, issues } = repository;
  const articles = pulls.toReversed().map((pull) => articleOf(repository, pull));
  const others = [...issues.values()].map(
    ({ number, title, state }) => `<li>#${number} ${escaped(title)}: ${state}</li>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(fullName)}</title><style>${STYLE}</style>
<h1>${escaped(fullName)}</h1>
${others.length === 0 ? "" : `<p>Issues</p><ul>${others.join("")}</ul>`}
${articles.join("\n")}</html>`;
}

/** The page of a check run: what its App says of the commit. Undefined when there is no such run. */
function runPageOf(repository: RepositoryState, id: string): string | undefined {
  const run = repository.checkRuns.find((one) => String(one.id) === id);
  return run && checksPage(repository, run.name, [run]);
}

/** The page of a workflow run: its jobs. Undefined when there is no such run. */
function workflowRunPageOf(repository: RepositoryState, id: string): string | undefined {
  const found = repository.workflowRuns.find((one) => String(one.id) === id);
  const jobs = repository.checkRuns.filter(({ suite }) => suite === found?.suite);
  return found && checksPage(repository, `${found.name}: ${found.conclusion ?? found.status}`, jobs);
}

function checksPage({ fullName, pulls }: RepositoryState, title: string, runs: readonly CheckRun[]): string {
  const heads = new Set(runs.map(({ sha }) => sha));
  const about = pulls.filter(({ head }) => heads.has(head));
  const links = about.map(({ number }) => `<a href="/${escaped(fullName)}/pull/${number}#${number}">#${number}</a>`);
  const texts = runs.map((run) => `${checkOf(run)}${run.text === null ? "" : `<pre>${escaped(run.text)}</pre>`}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style>
<h1>${escaped(title)}</h1><p><a href="/${escaped(fullName)}/pulls">${escaped(fullName)}</a> ${links.join(" ")}</p>
${texts.join("")}</html>`;
}

function articleOf({ comments, checkRuns }: RepositoryState, pull: PullRequest): string {
  const { number, title, author, headBranch, base, labels, state, mergedAt, body } = pull;
  const shown = mergedAt === null ? state : "merged";
  const tags = [...labels].map((label) => `<span class="label">${escaped(label)}</span>`).join(" ");
  const heads = new Set(checkRuns.filter(({ externalId }) => externalId.endsWith(`#${number}`)).map(({ sha }) => sha));
  const checks = checkRuns.filter(
    ({ sha, externalId }) => (sha === pull.head || heads.has(sha)) && externalId.endsWith(`#${number}`),
  );
  return `<article id="${number}"><h2>${escaped(title)} <small>#${number}</small></h2>
<p><span class="tag ${shown}">${shown}</span> ${escaped(author)} wants to merge <code>${escaped(headBranch)}</code> into <code>${escaped(base)}</code> ${tags}</p>
${body === "" ? "" : rendered(body)}
${checks.map(checkOf).join("")}
${comments
  .filter(({ issue }) => issue === number)
  .map(commentOf)
  .join("")}</article>`;
}

function checkOf({ name, status, conclusion, title, summary, sha, actions, detailsUrl }: CheckRun): string {
  const buttons = actions.map(
    (action) => `<button disabled>${escaped(String((action as { label?: string }).label))}</button>`,
  );
  const named =
    detailsUrl !== null && /^https?:/.test(detailsUrl)
      ? `<a href="${escaped(detailsUrl)}">${escaped(name)}</a>`
      : escaped(name);
  return `<div class="check ${conclusion ?? ""}"><b>${named}</b> ${escaped(conclusion ?? status)}: ${escaped(title ?? "")} <small>on <code>${sha.slice(0, 7)}</code></small> ${buttons.join(" ")}${rendered(summary ?? "")}</div>`;
}

function commentOf({ by, body, edits, reactions }: IssueComment): string {
  const emoji: Readonly<Record<string, string>> = { eyes: "👀", rocket: "🚀", confused: "😕" };
  const shown = [...reactions.values()].map(({ content }) => emoji[content] ?? content).join(" ");
  return `<section class="comment"><header>${escaped(by)}${edits > 0 ? ` · edited ${edits} times` : ""}</header><div>${rendered(body)}${shown === "" ? "" : `<p>${shown}</p>`}</div></section>`;
}

/** As much of Markdown as the queue writes: paragraphs, bold, code, links, tables, quotes, lists and fenced blocks. */
function rendered(markdown: string): string {
  const text = markdown.replaceAll(/<!--[\s\S]*?-->\n?/g, "");
  const parts = text.split(/^(`{3,})\w*\n([\s\S]*?)\n\1$/m);
  return parts
    .map((part, index) => (index % 3 === 2 ? `<pre>${escaped(part)}</pre>` : index % 3 === 1 ? "" : paragraphs(part)))
    .join("");
}

const paragraphs = (text: string): string =>
  text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== "")
    .map((block) => {
      const lines = block.trim().split("\n");
      if (lines.every((line) => line.startsWith("|"))) return table(lines);
      if (lines.every((line) => line.startsWith("> ")))
        return `<blockquote>${lines.map((line) => inline(line.slice(2))).join("<br>")}</blockquote>`;
      if (lines.every((line) => line.startsWith("- ")))
        return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join("")}</ul>`;
      return `<p>${lines.map(inline).join("<br>")}</p>`;
    })
    .join("");

function table(lines: readonly string[]): string {
  const row = (line: string, cell: "th" | "td") =>
    `<tr>${line
      .split("|")
      .slice(1, -1)
      .map((text) => `<${cell}>${inline(text.trim())}</${cell}>`)
      .join("")}</tr>`;
  const [head = "", , ...rest] = lines;
  return `<table>${row(head, "th")}${rest.map((line) => row(line, "td")).join("")}</table>`;
}

const inline = (text: string): string =>
  escaped(text)
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll(/\*\*([^*]+)\*\*/g, "<b>$1</b>")
    .replaceAll(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2">$1</a>')
    .replaceAll(/(?<!["=])(https?:\/\/[^\s<]+[^\s<.,)])(?![^<]*<\/a>)/g, '<a href="$1">$1</a>');
