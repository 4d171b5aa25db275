/**
 * A change for people. Example: `git://host/acme/shop/refs%2Fheads%2Fhello/0123…` is `acme/shop hello 01234567`. A URI that is none of the
 * known kinds is its path.
 */
export function shortChange(uri: string): string {
  const parts = uri.split("?", 1)[0]?.split("/").slice(3) ?? [];
  const commit = (parts.at(-1) ?? "").slice(0, 8);
  if (uri.startsWith("git://")) {
    const ref = decoded(parts.at(-2) ?? "").replace(/^refs\/heads\//, "");
    return `${parts.slice(0, -2).join("/")} ${ref} ${commit}`;
  }
  if (uri.startsWith("github://")) return `${parts.slice(0, -3).join("/")}#${parts.at(-2)} ${commit}`;
  return parts.join(" ");
}

/** A text that is not encoded as a URI should be stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
