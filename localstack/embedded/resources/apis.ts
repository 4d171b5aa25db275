import * as z from "zod";
import type { Deployment } from "../deployment.ts";
import { type Found, parse } from "./found.ts";

const Integration = z.object({ IntegrationType: z.literal("AWS_PROXY"), IntegrationUri: z.string() });
const Route = z.object({
  RouteKey: z.string().regex(/^(\$default|[A-Z]+ \/[\w/-]*)$/, "only $default and routes of one path run here"),
  Target: z.string().startsWith("integrations/").optional(),
});
/** The function behind `$default` is the API's; the others have a route each. */
export function apisOf(resources: readonly Found[]): Pick<Deployment, "apiFunction" | "hooks"> {
  const routes = resources
    .filter(({ type }) => type === "AWS::ApiGatewayV2::Route")
    .map((found) => {
      const { RouteKey, Target: to } = parse(Route, found);
      const integrations = resources.filter(({ type }) => type === "AWS::ApiGatewayV2::Integration");
      // Without a target there is one integration to lead to.
      const integration = integrations.find(({ ref }) => to === undefined || to === `integrations/${ref}`);
      if (integration === undefined) throw new Error(`${found.id} does not run here: it leads to ${to}`);
      const { IntegrationUri } = parse(Integration, integration);
      const functionArn = /functions\/(arn:[^/]+)\/invocations/.exec(IntegrationUri)?.[1] ?? IntegrationUri;
      const [method = "", path = ""] = RouteKey.split(" ");
      return { method, path, functionArn };
    });
  return {
    apiFunction: routes.find(({ method }) => method === "$default")?.functionArn,
    hooks: routes.filter(({ method }) => method !== "$default"),
  };
}
