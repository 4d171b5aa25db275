import { CfnOutput, RemovalPolicy, Validations } from "aws-cdk-lib";
import { HttpApi, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import type { LambdaFunction } from "./lambda-function.ts";

/** HTTPS to one function: every path and method is its business, so that 404 and 405 are its problem documents. */
export class HttpEdge extends Construct {
  constructor(scope: Construct, id: string, api: LambdaFunction, { apiAuth }: Settings) {
    super(scope, id);
    const http = new HttpApi(this, "Api", {
      apiName: "submitqueue",
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration("Integration", api.lambda),
      ...(apiAuth === "iam" ? { defaultAuthorizer: new HttpIamAuthorizer() } : {}),
    });
    const stage = new HttpStage(this, "Stage", {
      httpApi: http,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 200 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
      },
    });
    if (apiAuth === "none")
      Validations.of(this).acknowledge({
        id: "AwsSolutions-APIG4",
        reason: "Asked for by the context apiAuth=none: what is in front of the API decides who may call it.",
      });
    new CfnOutput(this, "Url", { value: stage.url, description: "Where the API is" }).overrideLogicalId("ApiUrl");
  }
}
