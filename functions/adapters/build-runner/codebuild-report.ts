import * as z from "zod";
import { BuildKey } from "../../contracts/ids.ts";

const StateChange = z.object({
  source: z.literal("aws.codebuild"),
  detail: z.object({
    "additional-information": z.object({
      environment: z.object({
        "environment-variables": z.array(z.object({ name: z.string(), value: z.string() })),
      }),
    }),
  }),
});

/**
 * The builds that an event of CodeBuild is about: that of its variable SQ_BUILD, none for a build that the queue did not start or for what
 * is no such event. The event is no verdict: events come late, twice and out of order, so CodeBuild is asked.
 */
export function buildsInEvent(event: unknown): readonly BuildKey[] {
  const { data } = StateChange.safeParse(event);
  const variables = data?.detail["additional-information"].environment["environment-variables"] ?? [];
  return variables.flatMap(({ name, value }) => (name === "SQ_BUILD" ? (BuildKey.safeParse(value).data ?? []) : []));
}
