/** A change for people. Example: `git://host/acme/shop/refs%2Fheads%2Fhello/0123…` is `acme/shop hello 01234567`. */
export function shortChange(uri: string): string {
  const parts = uri.split("?", 1)[0]?.split("/").slice(3) ?? [];
  const commit = (parts.at(-1) ?? "").slice(0, 8);
  if (uri.startsWith("git://")) {
    const ref = decodeURIComponent(parts.at(-2) ?? "").replace(/^refs\/heads\//, "");
    return `${parts.slice(0, -2).join("/")} ${ref} ${commit}`;
  }
  if (uri.startsWith("github://")) return `${parts.slice(0, -3).join("/")}#${parts.at(-2)} ${commit}`;
  return parts.join(" ");
}
