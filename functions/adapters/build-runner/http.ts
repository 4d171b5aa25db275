import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { WireRunner } from "../aws-clients.ts";
import { buildsStore } from "../dynamodb/builds-store.ts";
import { secretsOf } from "../secrets.ts";
import { need } from "../settings.ts";
import type { BuildName } from "./build-runner.ts";
import { guardedCall } from "./http/guarded-call.ts";
import { type HttpBuilds, httpRunner } from "./http/runner.ts";
import { signerOf } from "./http/signature.ts";

/** Runners that speak HTTP, each with the CI system that its queue names. BUILD_REPORTS_URL is where they are called back. */
export const httpRunners: WireRunner = (env, clients) => {
  const store = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const secretOf = secretsOf(clients);
  const rowOf = async ({ key, commit }: BuildName) => {
    const build = await store.get(key);
    return build?.composed.commit === commit ? build : undefined;
  };
  const builds: HttpBuilds = {
    isStopped: async (build) => (await rowOf(build))?.stop !== undefined,
    outcomeOf: async (build) => (await rowOf(build))?.outcome,
    settle: async ({ key, commit }, outcome) => void (await store.settle(key, commit, outcome)),
  };
  return ({ name, buildRunner }) => {
    if (buildRunner.type !== "http") throw new Error(`queue ${name} is not built by a CI system over HTTP`);
    const { url, signingSecret, privateHosts } = buildRunner;
    const address = new URL(url);
    const reach = { loopback: env[ENV.loopback] === "yes", private: privateHosts.includes(address.hostname) };
    const signer = async () => {
      const secret = await secretOf(signingSecret);
      if (secret === undefined) throw new CodedError("config.invalid", `queue ${name} names no signing secret`);
      return signerOf(secret);
    };
    const callbackUrl = env[ENV.buildReports] ?? "";
    return httpRunner({ address, callbackUrl, call: guardedCall(reach), signer, builds, now: clients.now });
  };
};
