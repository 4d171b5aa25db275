const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** The import law of doc/architecture.md: contracts <- domain <- adapters <- runway <- handlers; no room imports from a room to its right. */
export default {
  forbidden: [
    rule("no-cycles", "Two rooms that need each other are one room, or miss a third.", {}, { circular: true }),
    rule(
      "contracts-see-nothing",
      "Contracts are the ground floor: zod, hashes, globs and themselves only.",
      { path: "^functions/contracts/" },
      { pathNot: ["^functions/contracts/", "^node_modules/(zod|@noble/hashes|picomatch|yaml)/"] },
    ),
    rule(
      "domain-is-pure",
      "The domain sees contracts and itself. What it needs of the world comes in as an argument.",
      { path: "^functions/domain/" },
      { pathNot: ["^functions/(domain|contracts)/"] },
    ),
    rule(
      "adapters-look-down",
      "An adapter serves runway and the handlers; it never calls one.",
      { path: "^functions/adapters/" },
      { path: "^(functions/(runway|handlers)|lib|bin|client|dashboard|localstack|simulator|test)/" },
    ),
    rule(
      "runway-looks-down",
      "What runway does with git stands on the adapters; a handler calls it.",
      { path: "^functions/runway/" },
      { path: "^(functions/handlers|lib|bin|client|dashboard|localstack|simulator|test)/" },
    ),
    rule(
      "handlers-look-down",
      "Handlers know nothing of how they are deployed or run.",
      { path: "^functions/handlers/" },
      { path: "^(lib|bin|dashboard|localstack|simulator|test)/" },
    ),
    rule(
      "only-github-is-a-client",
      "The github service calls the gateway's public API as every caller does; no other handler is a client.",
      { path: "^functions/", pathNot: "^functions/handlers/github/" },
      { path: "^client/" },
    ),
    rule(
      "github-has-the-api-alone",
      "The github service has no way around the API and the events: none of its functions reaches another owner's stores, workflows or git.",
      { path: "^functions/handlers/github/" },
      {
        path: "^functions/(adapters/(git|dynamodb|change-provider|build-runner)/|adapters/step-functions|runway/|domain/(planner|speculation)/)",
        pathNot: "^functions/adapters/dynamodb/pulls-store",
      },
    ),
    rule(
      "owners-are-strangers",
      "Gateway, orchestrator, runway and github share nothing but messages: meet in functions/contracts/messages/.",
      { path: "^functions/handlers/(gateway|orchestrator|runway|github)/" },
      { path: "^functions/handlers/(gateway|orchestrator|runway|github)/", pathNot: "^functions/handlers/$1/" },
    ),
    rule(
      "only-runway-touches-git",
      "The orchestrator asks runway: its functions are bundled with no code that runs git.",
      { path: "^functions/handlers/(orchestrator|gateway)/" },
      { path: "^functions/(adapters/git|runway)/", reachable: true },
    ),
    rule(
      "stacks-name-handlers-by-path",
      "A stack imports contracts and names a handler by its file; it never loads one.",
      { path: "^lib/" },
      { path: "^(functions/(domain|adapters|runway|handlers)|bin|client|dashboard|localstack|simulator|test)/" },
    ),
    rule(
      "client-sees-contracts",
      "The client speaks HTTP: contracts are all it may share with the server.",
      { path: "^client/" },
      { path: "^(functions/(domain|adapters|runway|handlers)|lib|bin|dashboard|localstack|simulator|test)/" },
    ),
    rule(
      "dashboard-sees-contracts-and-client",
      "The page speaks HTTP and runs in a browser: contracts, the client and Preact are all it may share with the rest.",
      { path: "^dashboard/", pathNot: "^dashboard/what-if/" },
      { pathNot: ["^dashboard/", "^functions/contracts/", "^client/", "^node_modules/preact/"] },
    ),
    rule(
      "what-if-runs-the-simulator",
      "The worker of the what-if view runs the simulator in the browser; the rest of the view sees what the page sees.",
      { path: "^dashboard/what-if/" },
      {
        pathNot: [
          "^dashboard/",
          "^functions/contracts/",
          "^client/",
          "^simulator/(what-if|queue-history).ts",
          "^node_modules/preact/",
        ],
      },
    ),
    rule(
      "simulator-drives-the-domain",
      "The simulator drives the planner under virtual time: it needs the domain, contracts and the client, and no adapter.",
      { path: "^simulator/" },
      { path: "^(functions/(adapters|runway|handlers)|lib|bin|dashboard|localstack|test)/" },
    ),
    rule("nothing-imports-tests", "Test code stays in test/.", { pathNot: "^test/" }, { path: "^test/" }),
    rule(
      "declared-packages-only",
      "Name the package in package.json.",
      { path: "^(bin|lib|functions|client|dashboard|localstack|simulator)/" },
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "unknown"] },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^client/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
