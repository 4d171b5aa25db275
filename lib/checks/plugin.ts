import { readFileSync } from "node:fs";
import type { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport } from "aws-cdk-lib";
import { busFindings } from "./bus-rights.ts";
import type { Finding } from "./finding.ts";
import { soleWriterFindings } from "./sole-writer.ts";
import { type StackTemplate, stackTemplate, Templates } from "./templates.ts";
import { topicFindings } from "./topic-rights.ts";

/** Everything that the finished templates get wrong about who owns what. */
export function ownershipFindings(templates: readonly StackTemplate[]): readonly Finding[] {
  const all = new Templates(templates);
  return [...soleWriterFindings(all), ...topicFindings(all), ...busFindings(all)];
}

/** Fails the synthesis of an app whose templates break the rules of ownership. */
export class OwnershipPlugin implements IPolicyValidationPlugin {
  readonly name = "submitqueue-ownership";

  validate({ stackTemplates }: IPolicyValidationContext): PolicyValidationPluginReport {
    const paths = new Map(stackTemplates.map((one) => [one.stackConstructPath.toLowerCase(), one.templatePath]));
    const findings = ownershipFindings(
      [...paths].map(([stack, path]) => stackTemplate(stack, JSON.parse(readFileSync(path, "utf8")))),
    );
    return {
      success: findings.length === 0,
      violations: findings.map(({ rule, stack, logicalId, message }) => ({
        ruleName: rule,
        description: message,
        // Fatal: unlike an error, it can't be acknowledged away.
        severity: "fatal",
        violatingResources: [
          { resourceLogicalId: logicalId, templatePath: paths.get(stack) ?? "", locations: ["Properties"] },
        ],
      })),
    };
  }
}
