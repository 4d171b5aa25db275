import type { ComponentChildren } from "preact";
import type { CallFailed } from "../api.ts";
import { settings } from "../session.ts";
import { Icon } from "./icon.tsx";

/** Grey bars in the place of what is on its way. */
export const Loading = ({ what }: { readonly what: string }) => (
  <div class="loading" role="status">
    <span class="unseen">Loading {what}…</span>
    {[72, 88, 60, 80, 68].map((width) => (
      <div class="bone" key={width} style={{ width: `${width}%` }} />
    ))}
  </div>
);

interface MessageProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

export const Empty = ({ title, children }: MessageProps) => (
  <div class="message">
    <Icon name="landed" />
    <h2>{title}</h2>
    <div>{children}</div>
  </div>
);

/** A call that failed before there was anything to show. */
export function Failed({ error, retry }: { readonly error: CallFailed; readonly retry: () => void }) {
  const mayNot = error.status === 401 || error.status === 403;
  const title =
    error.status === 404 ? "There is no such thing here" : mayNot ? "You may not see this" : "This could not be loaded";
  return (
    <div class="message" role="alert">
      <Icon name="refused" />
      <h2>{title}</h2>
      <p>{error.message}</p>
      {mayNot && settings.auth === "iam" ? (
        <p>
          The API of this queue takes signed calls. Open the page by <code>submitqueue ui</code>, which signs them for
          you.
        </p>
      ) : null}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** A call that failed while an older answer is shown. */
export const Stale = ({ error }: { readonly error: CallFailed | undefined }) =>
  error === undefined ? null : (
    <p class="banner warn" role="status">
      <Icon name="offline" /> <strong>Not up to date.</strong> {error.message} Trying again…
    </p>
  );
