import type { ComponentChildren } from "preact";
import type { CallFailed } from "../api.ts";
import { keep, settings } from "../session.ts";
import { fieldOf } from "./dialog.tsx";
import { Icon } from "./icon.tsx";
import { Link } from "./link.tsx";

/** Grey bars in the place of what is on its way. */
export const Loading = ({ what }: { readonly what: string }) => (
  <div class="loading" role="status">
    <h1 class="unseen">Loading {what}…</h1>
    {[72, 88, 60, 80, 68].map((width) => (
      <div class="bone" key={width} style={{ width: `${width}%` }} />
    ))}
  </div>
);

interface MessageProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** There is nothing to show, and that is well. `whole`: it is all that the view shows. */
export const Empty = ({ title, children, whole = false }: MessageProps & { readonly whole?: boolean }) => (
  <div class="message">
    <Icon name="landed" />
    {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
    <div>{children}</div>
  </div>
);

/** A call that failed before there was anything to show. */
export function Failed({ error, retry }: { readonly error: CallFailed; readonly retry: () => void }) {
  const mayNot = error.status === 401 || error.status === 403;
  const title = error.status === 404 ? "Not found" : mayNot ? "You may not see this" : "This could not be loaded";
  return (
    <div class="message" role="alert">
      <Icon name="refused" />
      <h1>{title}</h1>
      <p>{error.message}</p>
      {mayNot && settings.auth === "signed" ? (
        <p>
          Open the page by <code>submitqueue ui</code>, which makes its calls in your name.
        </p>
      ) : null}
      {error.status === 401 && settings.auth === "token" ? <TokenForm done={retry} /> : null}
      {error.status === 404 ? <Link to="/">See all queues</Link> : null}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** Where the embedded runtime asks for its token. */
const TokenForm = ({ done }: { readonly done: () => void }) => (
  <form
    class="token"
    onSubmit={(event) => {
      event.preventDefault();
      keep(fieldOf(new FormData(event.currentTarget), "token"));
      done();
    }}
  >
    <label class="field">
      The token that npm start has printed
      <input name="token" type="password" required autoComplete="off" />
    </label>
    <button type="submit" class="primary">
      Use it
    </button>
  </form>
);

/** A call that failed while an older answer is shown. */
export const Stale = ({ error }: { readonly error: CallFailed | undefined }) =>
  error === undefined ? null : (
    <p class="banner warn" role="status">
      <Icon name="offline" /> <strong>Not up to date.</strong> {error.message} Trying again…
    </p>
  );
