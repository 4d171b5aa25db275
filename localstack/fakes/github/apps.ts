import type { Identities } from "./identity.ts";
import { notFound, Refusal, unprocessable } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type RepositoryState, repositoryOf, timestamp, userOf } from "./state.ts";

/** The App, its one installation, and tokens for it. */
export function appRoutes(
  identities: Identities,
  url: () => string,
  repositories: ReadonlyMap<string, RepositoryState>,
): Routes {
  const owner = () => [...repositories.values()][0]?.owner ?? "acme";
  const installation = () => ({
    id: identities.app.installationId,
    app_id: identities.app.id,
    app_slug: identities.app.slug,
    client_id: identities.app.clientId,
    target_id: 1,
    target_type: "Organization",
    repository_selection: "selected",
    account: userOf(owner(), "Organization"),
    permissions: identities.granted,
    events: identities.subscribed,
    access_tokens_url: `${url()}/app/installations/${identities.app.installationId}/access_tokens`,
    repositories_url: `${url()}/installation/repositories`,
    html_url: "https://github.invalid/settings/installations/1",
    single_file_name: null,
    suspended_at: identities.installation === "suspended" ? "2026-01-01T00:00:00Z" : null,
    suspended_by: null,
  });
  const isInstalled = () => identities.installation !== "uninstalled";
  const isThis = (id: string | undefined) => isInstalled() && id === String(identities.app.installationId);
  return {
    "get /app": {
      only: "jwt",
      answer: () => ok({ ...appBody(identities, identities.app.id), installations_count: isInstalled() ? 1 : 0 }),
    },
    "get /app/installations": {
      only: "jwt",
      answer: ({ page }) => ok(page(isInstalled() ? [installation()] : [])),
    },
    "get /app/installations/{installation_id}": {
      only: "jwt",
      answer: ({ params }) => {
        if (!isThis(params["installation_id"])) throw notFound();
        return ok(installation());
      },
    },
    [`get ${R}/installation`]: {
      only: "jwt",
      answer: ({ repository }) => {
        if (!isInstalled()) throw notFound();
        return ok({ ...installation(), account: userOf(repository.owner) });
      },
    },
    "post /app/installations/{installation_id}/access_tokens": {
      only: "jwt",
      answer: ({ params, body = {} }) => {
        if (!isThis(params["installation_id"])) throw notFound();
        if (identities.installation === "suspended") throw new Refusal(403, "This installation has been suspended");
        const names = body.repositories as readonly string[] | undefined;
        const all = [...repositories.values()];
        if (names?.some((name) => !all.some((one) => one.name === name)))
          throw unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
          );
        const { token, permissions, expiresAt } = identities.issue({
          ...(body.permissions === undefined ? {} : { permissions: body.permissions }),
          ...(names === undefined ? {} : { repositories: names }),
        });
        const seen = all.filter(({ name }) => names?.includes(name) ?? true).map((one) => repositoryOf(one, url()));
        return ok(
          {
            token,
            expires_at: timestamp(expiresAt),
            permissions,
            repository_selection: "selected",
            repositories: seen,
          },
          201,
        );
      },
    },
  };
}

/** An App as it stands beside what it made. */
export function appBody({ app, granted, subscribed }: Identities, id: number): object {
  const ours = id === app.id;
  const slug = ours ? app.slug : id === 15_368 ? "github-actions" : `app-${id}`;
  return {
    id,
    slug,
    name: ours ? app.name : slug,
    client_id: ours ? app.clientId : `Iv23li${id}`,
    owner: userOf("acme", "Organization"),
    description: null,
    external_url: "https://github.invalid",
    html_url: `https://github.invalid/apps/${slug}`,
    permissions: ours ? granted : {},
    events: ours ? subscribed : [],
  };
}
