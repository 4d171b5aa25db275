import * as z from "zod";
import type { MachineSpec } from "../deployment.ts";
import { type Found, parse } from "./found.ts";

const Machine = z.object({
  RoleArn: z.string(),
  DefinitionString: z.string().optional(),
  Definition: z.unknown().optional(),
  DefinitionSubstitutions: z.record(z.string(), z.coerce.string()).default({}),
});
export function machineOf(found: Found): MachineSpec {
  const { RoleArn, DefinitionString, Definition, DefinitionSubstitutions } = parse(Machine, found);
  const text = (DefinitionString ?? JSON.stringify(Definition)).replace(
    /\$\{([A-Za-z0-9_]+)\}/g,
    (whole, name: string) => DefinitionSubstitutions[name] ?? whole,
  );
  return { name: found.name, arn: found.arn, roleArn: RoleArn, definition: JSON.parse(text) };
}
