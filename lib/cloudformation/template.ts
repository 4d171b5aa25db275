import * as z from "zod";

export const Resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Metadata: z.record(z.string(), z.unknown()).default({}),
});
export type Resource = z.infer<typeof Resource>;
/** A resource as a template writes it. */
export type ResourceInput = z.input<typeof Resource>;

/** What a CloudFormation template says that matters to running it. */
export const Template = z.looseObject({
  Resources: z.record(z.string(), Resource).default({}),
  Outputs: z
    .record(z.string(), z.looseObject({ Value: z.unknown(), Export: z.object({ Name: z.unknown() }).optional() }))
    .default({}),
  Parameters: z.record(z.string(), z.looseObject({ Default: z.unknown().optional() })).default({}),
});
export type Template = z.infer<typeof Template>;

/** Templates by the names of their stacks. */
export type Assembly = ReadonlyMap<string, Template>;
