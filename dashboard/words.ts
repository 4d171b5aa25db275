/** What a change URI says to people. */
export interface ShownChange {
  /** The branch, `#7` of a pull request, or the revision. */
  readonly label: string;
  readonly repository: string;
  /** The first characters of the pinned commit; of a Phabricator change, its diff. */
  readonly commit: string;
  /** Where a person can look at it; only for pull requests. */
  readonly link?: string;
}

/**
 * `git://h/acme/shop/refs%2Fheads%2Fhello/0123…` is branch `hello` of acme/shop. `github://github.com/acme/shop/pull/7/0123…` is `#7`, with a
 * link. A URI that is none of the known kinds is its own label.
 */
export function shownChange(uri: string): ShownChange {
  const [scheme, host = "", ...parts] = uri.split("?", 1)[0]?.replace("://", "/").split("/") ?? [];
  const last = parts.at(-1) ?? "";
  if (scheme === "git" && parts.length >= 3) {
    const ref = decoded(parts.at(-2) ?? "").replace(/^refs\/(heads\/)?/, "");
    return { label: ref, repository: parts.slice(0, -2).join("/"), commit: last.slice(0, 8) };
  }
  if (scheme === "github" && parts.length >= 5) {
    const repository = parts.slice(0, -3).join("/");
    const pull = parts.at(-2) ?? "";
    const link = `https://${host}/${repository}/pull/${pull}`;
    return { label: `#${pull}`, repository, commit: last.slice(0, 8), link };
  }
  if (scheme === "phab" && parts.length === 2) return { label: parts[0] ?? "", repository: host, commit: last };
  return { label: uri, repository: "", commit: "" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A request in a few words: its title, else the labels of its changes, such as `hello and 1 more` or `Pull request #7`. */
export function nameOf({
  title,
  changes,
}: {
  readonly title?: string | undefined;
  readonly changes: readonly string[];
}) {
  if (title !== undefined && title.trim() !== "") return title;
  const [first = "", ...more] = changes.map((uri) => shownChange(uri).label.replace(/^#/, "Pull request #"));
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

/** A link of a build or a change when a browser may follow it; undefined for any other, such as `javascript:`. */
export const followable = (url: string | undefined): string | undefined =>
  url !== undefined && /^https?:\/\//i.test(url) ? url : undefined;

/** A span of time in at most two units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10) return both(minutes, "min", whole % 60, "s");
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return both(hours, "h", minutes % 60, "min");
  return both(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** An estimate, no more exact than it is: `10 s`, `40 s`, `2 min`, `15 min`, `1 h 10 min`. */
export function roughly(seconds: number): string {
  if (seconds < 55) return `${Math.max(10, Math.round(seconds / 10) * 10)} s`;
  const minutes = Math.round(seconds / 60);
  const step = minutes < 10 ? 1 : minutes < 60 ? 5 : 10;
  return span(Math.round(minutes / step) * step * 60);
}

const both = (large: number, unit: string, small: number, smaller: string): string =>
  small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`;

/** `1:05`, or `2:03:04` from an hour on: a clock that runs. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `1 change`, `3 changes`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
