/** Where a GitHub is: its pages, and its REST API. */
export interface GitHubAddress {
  readonly web: string;
  readonly api: string;
}

/**
 * The addresses of a GitHub, by that of its pages. Examples: `https://github.com` has `https://api.github.com`, `https://acme.ghe.com` has
 * `https://api.acme.ghe.com`, and GitHub Enterprise Server `https://HOST/api/v3`. A GitHub on this machine has one address for both.
 */
export function gitHubAt(address: string): GitHubAddress {
  const { protocol, host, hostname } = new URL(address);
  const web = `${protocol}//${host}`;
  if (host === "github.com" || host.endsWith(".ghe.com")) return { web, api: `https://api.${host}` };
  return { web, api: hostname === "127.0.0.1" || hostname === "localhost" ? web : `${web}/api/v3` };
}
