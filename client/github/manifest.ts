import { APP_EVENTS, APP_PERMISSIONS, type AppPermissions } from "../../functions/contracts/github-app.ts";

export interface ManifestOptions {
  readonly name: string;
  /** Where GitHub sends the App's webhooks. */
  readonly webhook: string;
  /** Where GitHub sends the browser once the App is there. */
  readonly redirect: string;
  /** Permissions beyond the least. */
  readonly more: AppPermissions;
}

/** An App manifest, as GitHub's page for new Apps takes it. GitHub takes names of up to 34 characters. */
export const manifestOf = ({ name, webhook, redirect, more }: ManifestOptions): object => ({
  name,
  url: new URL(webhook).origin,
  hook_attributes: { url: webhook, active: true },
  redirect_url: redirect,
  public: false,
  default_permissions: { ...APP_PERMISSIONS, ...more },
  default_events: [...APP_EVENTS],
});
