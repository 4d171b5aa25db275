import { describe, expect, it } from "vitest";
import { repositoryName } from "../../../client/cli/git.ts";

describe("the name of a repository", () => {
  it.each([
    ["git@github.com:acme/shop.git", "github.com", "acme/shop"],
    ["github.com:acme/shop", "github.com", "acme/shop"],
    ["ssh://git@github.com/acme/shop.git", "github.com", "acme/shop"],
    ["ssh://git@git.example.com:7999/acme/shop.git", "git.example.com:7999", "acme/shop"],
    ["https://user:secret@GitHub.com/acme/shop.git", "github.com", "acme/shop"],
    ["https://git.example.com:8443/group/sub/shop/", "git.example.com:8443", "group/sub/shop"],
    ["/srv/git/shop.git", "localhost", "shop"],
    ["file:///srv/git/shop.git", "localhost", "shop"],
    ["../shop.git/", "localhost", "shop"],
    ["./shop", "localhost", "shop"],
  ])("behind %s is host %s and path %s", (remote, host, path) => {
    expect(repositoryName(remote)).toEqual({ host, path });
  });

  it.each(["", "shop", "https://github.com/"])("can't be told from %j", (remote) => {
    expect(repositoryName(remote)).toBeUndefined();
  });
});
