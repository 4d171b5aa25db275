import { render } from "preact";
import { App } from "./app.tsx";
import { listen } from "./live.ts";
import { SignInFailed, signIn } from "./session.ts";

const root = document.querySelector("#page");
if (root === null) throw new Error("index.html has no element #page");
root.replaceChildren();
try {
  if (await signIn()) {
    listen();
    render(<App />, root);
  }
} catch (error) {
  if (!(error instanceof SignInFailed)) throw error;
  render(
    <main class="message">
      <h1>You are not logged in</h1>
      <p role="alert">{error.message}</p>
      <button type="button" onClick={() => location.assign("/")}>
        Try again
      </button>
    </main>,
    root,
  );
}
