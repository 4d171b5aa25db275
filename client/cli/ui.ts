import { once } from "node:events";
import { Command } from "commander";
import { sdkCredentials } from "../credentials.ts";
import { wholeIn } from "../flags.ts";
import { startUi } from "../ui/proxy.ts";
import { type Sign, unsigned, withAws, withToken } from "../ui/sign.ts";
import { below } from "./help-text.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";
import { portRefused } from "./usage-error.ts";

interface UiFlags {
  readonly port: number;
  readonly region?: string;
}

/** `ui`: the page on loopback, with the caller's rights, until Ctrl-C. */
export const uiCommand = (run: Run): Command =>
  new Command("ui")
    .description("the page in your browser, with your rights: serves it on this machine until Ctrl-C")
    .option("--port <port>", "on 127.0.0.1; 0 for any", wholeIn(0, 65_535), 0)
    .option("--region <name>", "sign calls for this AWS region, also to a domain of your own")
    .addHelpText(
      "after",
      below(
        "Calls carry your token, if there is one. Without a token, calls to API Gateway are signed with your AWS credentials, as the aws command line has them; with --auth iam, calls to any address.",
      ),
    )
    .action(({ port, region }: UiFlags) =>
      run(async (session) => {
        const { interrupted, settings, terminal, url } = session;
        const ui = await startUi({ url, port, sign: signFor(session, region) }).catch(portRefused(port));
        try {
          const queue = settings.queue?.value;
          const address = ui.addressOf(queue === undefined ? "/" : `/q/${encodeURIComponent(queue)}`);
          const lines = `Open this address. It lets one browser in, once:\n\n  ${address}\n\nCtrl-C ends it.`;
          terminal.out(`${session.json ? JSON.stringify({ address }) : lines}\n`);
          if (!interrupted.aborted) await once(interrupted, "abort");
          return 0;
        } finally {
          await ui.close();
        }
      }),
    );

/** Says who calls, as all commands do; `--region` has calls without a token signed wherever they go. */
function signFor({ settings: { token }, isSigned }: Session, region: string | undefined): Sign {
  if (isSigned || (region !== undefined && token === undefined))
    return withAws({ credentials: sdkCredentials, region });
  return token === undefined ? unsigned : withToken(token.value);
}
