import { expect, it } from "vitest";
import { parseOptions } from "../../simulator/simulator-options.ts";

/** The flags of the help whose default does not depend on the workload, each with the default that the help shows. */
function shownDefaults(): readonly (readonly [string, string])[] {
  const help = parseOptions(["--help"]);
  if (help.kind !== "help") throw new Error("there is no help");
  const flags = help.text.split(/\n {2}(?=--)/).map((text) => text.replaceAll(/\s+/g, " "));
  return flags.flatMap((text) => {
    const [, flag, value] = /^(--[a-z-]+) <[a-z]+> .*\(default: ([\w.,]+)\)/.exec(text) ?? [];
    return flag === undefined || value === undefined ? [] : [[flag, value] as const];
  });
}

it.each(shownDefaults())(
  "%s %s, which the help shows as the default, changes nothing when it is given",
  (flag, value) => {
    expect(parseOptions([flag, value])).toEqual(parseOptions([]));
  },
);

it("shows the default of a duration in the unit in which it is given", () => {
  expect(shownDefaults()).toContainEqual(["--mended-after", "3600"]);
});
