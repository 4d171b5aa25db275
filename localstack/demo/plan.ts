import { prices, pricesCheck, report } from "../sandbox/project.ts";
import { seeded, shuffled } from "./random.ts";
import type { ChangePlan, RequestPlan } from "./request-plan.ts";
import { SLOW_AND_BEHIND, slowAndBehind } from "./slow.ts";

export interface PlanOptions {
  /** How many changes to make. */
  readonly count: number;
  readonly folders: readonly string[];
  readonly seed: number;
  /** The changes without a part in the semantic conflict are one stack, in one request. */
  readonly stacked: boolean;
}

const AUTHORS = ["Ada", "Barbara", "Edsger", "Grace", "Ken", "Leslie", "Radia", "Tony"];
const FEATURES = [
  "bundles",
  "coupons",
  "gift-wrap",
  "loyalty",
  "offcuts",
  "postage",
  "refills",
  "samples",
  "seasons",
  "sizes",
  "surcharge",
  "vouchers",
];

/** With many changes, first builds take every slot for long, and none is left to build around a slow one. */
const MOST_WITH_SLOW = 12;

/** The requests, in the order in which they are made. The same options give the same plan. */
export function planRequests({ count, folders, seed, stacked }: PlanOptions): RequestPlan[] {
  const random = seeded(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  };
  const author = () => authorNamed(pick(AUTHORS));
  const conflict = count >= (stacked ? 4 : 2);
  const features = shuffled(FEATURES, random);
  const order = shuffled(folders, random);
  const withSlow = !stacked && count >= 2 + SLOW_AND_BEHIND && count <= MOST_WITH_SLOW;
  // The last: the others go elsewhere while they can, for what meets the slow one waits for it.
  const slowFolder = order.at(-1) ?? pick(folders);
  const rest = count - (conflict ? 2 : 0) - (withSlow ? SLOW_AND_BEHIND : 0);
  const plain: ChangePlan[] = [];
  for (let i = 0; i < rest; i += 1) {
    const name = `${features[i % features.length] ?? "feature"}${i < features.length ? "" : `-${Math.floor(i / features.length) + 1}`}`;
    const below = stacked ? plain.at(-1) : undefined;
    const folder = order[i % order.length] ?? pick(folders);
    plain.push(feature({ name, folder, author: author(), rate: 2 + Math.floor(random() * 8), below }));
  }
  const requests = (stacked && plain.length > 0 ? [plain] : plain.map((change) => [change])).map(
    (changes): RequestPlan => ({ changes, expected: "landed" }),
  );
  if (!conflict) return requests;
  const folder = pick(withSlow && order.length > 1 ? order.slice(0, -1) : order);
  const first = Math.floor(random() * (Math.floor(requests.length / 2) + 1));
  const half: RequestPlan = { changes: [renaming(folder, author())], expected: "landed" };
  requests.splice(first, 0, half);
  const second = first + 1 + Math.ceil(random() * (requests.length - first - 1));
  requests.splice(second, 0, { changes: [oldCaller(folder, author())], expected: "build.failed", after: half });
  return withSlow ? [...slowAndBehind(slowFolder, authorNamed), ...requests] : requests;
}

const authorNamed = (name: string): string => `${name} Example <${name.toLowerCase()}@example.invalid>`;

interface FeatureOptions {
  readonly name: string;
  readonly folder: string;
  readonly author: string;
  readonly rate: number;
  readonly below: ChangePlan | undefined;
}

/** New files only, so that it merges with any other; on a stack it uses what the change below it made. */
function feature({ name, folder, author, rate, below }: FeatureOptions): ChangePlan {
  const fn = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const belowFn = below?.name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const from = below && (below.folder === folder ? `./${below.name}.js` : `../${below.folder}/${below.name}.js`);
  const module = `import { find } from "./items.js";
${from ? `import { ${belowFn} } from "${from}";\n` : ""}
/** What ${name} make of the price of an item, in whole cents. */
export const ${fn} = (item) => Math.round((find(item).cents * ${100 + rate}) / 100)${from ? ` + 0 * ${belowFn}(item)` : ""};
`;
  const tests = `import assert from "node:assert/strict";
import { ${fn} } from "./${name}.js";

export const checks = {
  "${name} add ${rate} % to a cup": () => assert.equal(${fn}("cup"), ${1200 + 12 * rate}),
  "${name} know no unknown item": () => assert.throws(() => ${fn}("saucer")),
};
`;
  const page = `# ${name}\n\nAdds ${rate} % to the price of an item.\n`;
  return {
    name,
    folder,
    author,
    ...(below ? { onto: below.name } : {}),
    commits: [
      { message: `${folder}: add ${name}`, files: { [`${folder}/${name}.js`]: module } },
      { message: `${folder}: check ${name}`, files: { [`${folder}/${name}.check.js`]: tests } },
      { message: `${folder}: describe ${name}`, files: { [`${folder}/${name}.md`]: page } },
    ],
  };
}

/** One half of the semantic conflict: gives a function another name, everywhere that it is known to be called. */
const renaming = (folder: string, author: string): ChangePlan => ({
  name: "rename-price",
  folder,
  author,
  commits: [
    { message: `${folder}: offer price as priceOf`, files: { [`${folder}/prices.js`]: prices(["price", "priceOf"]) } },
    {
      message: `${folder}: call priceOf`,
      files: { [`${folder}/report.js`]: report("priceOf"), [`${folder}/prices.check.js`]: pricesCheck("priceOf") },
    },
    { message: `${folder}: drop the old name of priceOf`, files: { [`${folder}/prices.js`]: prices(["priceOf"]) } },
  ],
});

/** The other half: calls the function by its old name, in a file of its own. */
const oldCaller = (folder: string, author: string): ChangePlan => ({
  name: "discounts",
  folder,
  author,
  commits: [
    {
      message: `${folder}: add discounts`,
      files: {
        [`${folder}/discounts.js`]: `import { price } from "./prices.js";

/** What an item costs at a discount in per cent, in whole cents. */
export const discounted = (item, percent) => Math.round((price(item) * (100 - percent)) / 100);
`,
      },
    },
    {
      message: `${folder}: check discounts`,
      files: {
        [`${folder}/discounts.check.js`]: `import assert from "node:assert/strict";
import { discounted } from "./discounts.js";

export const checks = {
  "a tenth off a pot": () => assert.equal(discounted("pot", 10), 4212),
};
`,
      },
    },
  ],
});
