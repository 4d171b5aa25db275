import { BlockList, isIP } from "node:net";

const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

function listOf(...subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = "", prefix] = subnet.split("/");
    list.addSubnet(address, Number(prefix), family(address));
  }
  return list;
}

const LOOPBACK = listOf("127.0.0.0/8", "::1/128");

/** Where a cloud keeps what a machine is told about itself, credentials included: never called. */
const LINK_LOCAL = listOf("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32");

/** Not of the public internet: private networks, what is reserved, and IPv6 addresses that hold an IPv4 one to be looked at elsewhere. */
const PRIVATE = listOf(
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16"],
  ...["fc00::/7", "fec0::/10", "ff00::/8"],
);

/** Which addresses beside public ones may be called. */
export interface Reach {
  /** Addresses of this machine: under the embedded runtime. */
  readonly loopback: boolean;
  /** Addresses of private networks: of a host that the configuration names. */
  readonly private: boolean;
}

/** True when the IP address may be called. What is no IP address may not. */
export function mayCall(address: string, reach: Reach): boolean {
  if (isIP(address) === 0) return false;
  const [of, plain] = [family(address), address];
  // The list knows an IPv4 address also when it is written as an IPv6 one.
  if (LINK_LOCAL.check(plain, of)) return false;
  if (LOOPBACK.check(plain, of)) return reach.loopback;
  return !PRIVATE.check(plain, of) || reach.private;
}
