import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planRequests } from "../../../localstack/demo/plan.ts";
import { folderNames } from "../../../localstack/sandbox/project.ts";

const anyOptions = fc.record({
  count: fc.integer({ min: 1, max: 60 }),
  folders: fc.integer({ min: 1, max: 12 }).map(folderNames),
  seed: fc.nat(),
  stacked: fc.boolean(),
});

describe("the requests of the demo", () => {
  it("is as many changes as were asked for, each with a name of its own", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const changes = planRequests(options).flatMap((request) => request.changes);
        expect(changes).toHaveLength(options.count);
        expect(new Set(changes.map(({ name }) => name)).size).toBe(options.count);
      }),
    );
  });

  it("is the same for the same seed, and differs with it", () => {
    const of = (seed: number) => planRequests({ count: 8, folders: folderNames(3), seed, stacked: false });
    expect(of(7)).toEqual(of(7));
    expect(of(7)).not.toEqual(of(8));
  });

  it("holds one semantic conflict whose second half comes after the first, in the same folder", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const requests = planRequests(options);
        const refused = requests.filter(({ expected }) => expected === "build.failed");
        expect(refused).toHaveLength(options.count >= (options.stacked ? 4 : 2) ? 1 : 0);
        for (const { changes, after } of refused) {
          expect(after && requests.indexOf(after)).toBeLessThan(requests.findIndex((r) => r.changes === changes));
          expect(after?.changes[0]?.folder).toBe(changes[0]?.folder);
        }
      }),
    );
  });

  it("holds a slow change and the changes behind it, in a folder that the conflict keeps out of when there are others", () => {
    fc.assert(
      fc.property(anyOptions, ({ stacked, ...options }) => {
        const requests = planRequests({ ...options, stacked });
        const [slow, quick, ...rest] = requests;
        const behind = requests.filter(({ after, expected }) => after !== undefined && expected === "landed");
        if (stacked || options.count < 6 || options.count > 12) {
          expect(behind).toEqual([]);
          return;
        }
        expect(behind).toEqual([quick, ...rest.slice(0, 2)]);
        expect(behind.map(({ after }) => after)).toEqual([slow, quick, quick]);
        const folderOf = (request: (typeof requests)[number] | undefined) => request?.changes[0]?.folder;
        expect(new Set([slow, ...behind].map(folderOf)).size).toBe(1);
        const refused = requests.find(({ expected }) => expected === "build.failed");
        expect(folderOf(refused) === folderOf(slow)).toBe(options.folders.length === 1);
      }),
    );
  });

  it("never writes a file in two changes, so that nothing conflicts for git", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const changes = planRequests(options).flatMap((request) => request.changes);
        const files = changes.map(({ commits }) => new Set(commits.flatMap((commit) => Object.keys(commit.files))));
        expect(new Set(files.flatMap((of) => [...of])).size).toBe(files.reduce((sum, of) => sum + of.size, 0));
      }),
    );
  });

  it("makes several files and commits in each change, and uses every folder", () => {
    const requests = planRequests({ count: 10, folders: folderNames(4), seed: 3, stacked: false });
    for (const change of requests.flatMap((request) => request.changes)) {
      expect(change.commits.length).toBeGreaterThan(1);
      expect(new Set(change.commits.flatMap(({ files }) => Object.keys(files))).size).toBeGreaterThan(1);
    }
    const used = new Set(requests.flatMap((request) => request.changes).map(({ folder }) => folder));
    expect([...used].sort()).toEqual([...folderNames(4)].sort());
  });

  it("is one request with a stack, and the two halves, when it is stacked", () => {
    const requests = planRequests({ count: 6, folders: folderNames(3), seed: 3, stacked: true });
    expect(requests.map(({ changes }) => changes.length).sort()).toEqual([1, 1, 4]);
    const stack = requests.find(({ changes }) => changes.length === 4)?.changes ?? [];
    expect(stack.map(({ onto }) => onto)).toEqual([undefined, ...stack.slice(0, -1).map(({ name }) => name)]);
  });
});
