import { expect, it } from "vitest";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { targetsBeside } from "../../../functions/handlers/runway/land.lambda.ts";

const PULLS = { type: "github", repository: "Acme/Shop", api: "https://api.github.com", credentialsSecret: "app" };

it.each([
  ["https://github.com/acme/shop.git", undefined],
  ["https://github.com/acme/shop", undefined],
  ["ssh://git@github.com/acme/shop.git", undefined],
  ["https://github.com/ACME/shop.git", { type: "git" }],
  ["/srv/mirror.git", PULLS],
])("the branch of a queue that lands on %s is one of the repository's", (remote, changeProvider) => {
  const buildRunner = { type: "fake" };
  const { queues } = QueuesConfig.parse({
    queues: [
      {
        name: "main",
        repository: { remote: "https://github.com/acme/shop.git" },
        changeProvider: PULLS,
        buildRunner,
      },
      {
        name: "release",
        repository: { remote, branch: "release" },
        buildRunner,
        ...(changeProvider && { changeProvider }),
      },
      { name: "other", repository: { remote: "https://github.com/acme/other.git", branch: "other" }, buildRunner },
    ],
  });
  const [main] = queues;
  expect(main && targetsBeside(main, queues)).toEqual(["main", "release"]);
});
