import { Aws, CfnOutput, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { JWT_PREFIX } from "../../functions/contracts/caller.ts";
import { ENV } from "../../functions/contracts/environment.ts";
import { PAGE_ROUTES } from "../../functions/contracts/page.ts";
import { pageAccessOf } from "../page-access.ts";
import type { JwtSettings, Settings } from "../settings.ts";
import type { LambdaFunction } from "./lambda-function.ts";

/** Calls per second, on average and in a burst, of all callers together. A call beyond it is answered 429 by API Gateway. */
const THROTTLE = { rateLimit: 100, burstLimit: 200 };

/** The name under which other stacks know the API. */
const API_ID_EXPORT = "submitqueue-api-id";

/** One line per call: who called what, and what came of it. A variable that does not apply is `-`. */
const ACCESS_LOG = JSON.stringify({
  requestId: "$context.requestId",
  time: "$context.requestTime",
  method: "$context.httpMethod",
  path: "$context.path",
  caller: "$context.identity.userArn",
  subject: "$context.authorizer.claims.sub",
  ip: "$context.identity.sourceIp",
  status: "$context.status",
  latencyMs: "$context.responseLatency",
  error: "$context.error.message",
  authorizerError: "$context.authorizer.error",
});

/**
 * HTTPS to one function: every path and method is its business, so that 404 and 405 are its problem documents. The API authenticates the
 * callers, and says in each event who the caller is.
 */
export class HttpEdge extends Construct {
  readonly http: HttpApi;
  /** The address of the API, ending in a slash. */
  readonly url: string;
  #apiId: string | undefined;

  constructor(scope: Construct, id: string, api: LambdaFunction, settings: Settings) {
    super(scope, id);
    const { apiAuth, jwt } = settings;
    const integration = new HttpLambdaIntegration("Integration", api.lambda);
    const authorizer = authorizerBy(settings);
    this.http = new HttpApi(this, "Api", {
      apiName: "submitqueue",
      createDefaultStage: false,
      defaultIntegration: integration,
      ...(authorizer === undefined ? {} : { defaultAuthorizer: authorizer }),
      ...(apiAuth === "jwt" && jwt?.scope !== undefined ? { defaultAuthorizationScopes: [jwt.scope] } : {}),
    });
    if (apiAuth === "iam+jwt")
      this.http.addRoutes({
        path: `${JWT_PREFIX}/{proxy+}`,
        methods: [HttpMethod.ANY],
        integration,
        authorizer: byToken(jwt),
        ...(jwt?.scope === undefined ? {} : { authorizationScopes: [jwt.scope] }),
      });
    if (pageAccessOf(settings).auth === "jwt") this.#openPage(integration);
    api.addEnvironment(ENV.apiAuth, apiAuth);
    const stage = this.#stage();
    this.url = stage.url;
    if (apiAuth === "none")
      Validations.of(this).acknowledge({
        id: "AwsSolutions-APIG4",
        reason: "Asked for by the context apiAuth=none: what is in front of the API decides who may call it.",
      });
    this.#tell(stage, settings);
  }

  /**
   * Lets a function of another stack call the API with the identity of its role: land, cancel and look at requests, of every queue. The
   * API itself decides by the caller's name of which.
   */
  calledBy(fn: LambdaFunction): void {
    const stack = Stack.of(fn);
    this.#apiId ??= Stack.of(this).exportValue(this.http.apiId, { name: API_ID_EXPORT });
    for (const call of ["GET/v1/queues/*", "POST/v1/queues/*/requests", "POST/v1/queues/*/requests/*"]) {
      fn.allow(
        [stack.formatArn({ service: "execute-api", resource: this.#apiId, resourceName: `$default/${call}` })],
        "execute-api:Invoke",
      );
      Validations.of(fn).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:${API_ID_EXPORT}/$default/${call}]`,
        reason: "The requests of all queues: the API itself decides by the caller's name of which queues.",
      });
    }
  }

  /** A user has to see the page before logging in. The files of the page tell nothing of a queue; its calls bring a token. */
  #openPage(integration: HttpLambdaIntegration): void {
    for (const path of PAGE_ROUTES)
      for (const route of this.http.addRoutes({
        path,
        methods: [HttpMethod.GET],
        integration,
        authorizer: new HttpNoneAuthorizer(),
        authorizationScopes: [],
      }))
        Validations.of(route).acknowledge({
          id: "AwsSolutions-APIG4",
          reason: "The page that logs people in: static files.",
        });
  }

  #stage(): HttpStage {
    return new HttpStage(this, "Stage", {
      httpApi: this.http,
      stageName: "$default",
      autoDeploy: true,
      throttle: THROTTLE,
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
        format: AccessLogFormat.custom(ACCESS_LOG),
      },
    });
  }

  /** The outputs that callers and their administrators need, and a policy for callers that sign with IAM. */
  #tell(stage: HttpStage, { apiAuth }: Settings): void {
    const output = (logicalId: string, value: string, description: string) =>
      new CfnOutput(this, logicalId, { value, description }).overrideLogicalId(logicalId);
    const resource = `arn:${Aws.PARTITION}:execute-api:${Aws.REGION}:${Aws.ACCOUNT_ID}:${this.http.apiId}`;
    output("ApiUrl", stage.url, "Where the API is");
    output("ApiArn", `${resource}/*`, "What a policy allows execute-api:Invoke on");
    if (apiAuth === "iam+jwt")
      output("ApiTokenUrl", `${this.http.apiEndpoint}${JWT_PREFIX}`, "Where the API takes tokens");
    if (apiAuth !== "iam" && apiAuth !== "iam+jwt") return;
    const policy = new ManagedPolicy(this, "Callers", {
      managedPolicyName: `submitqueue-callers-${Stack.of(this).region}`,
      description: "May call the HTTP API of submitqueue. What a caller may do there is said by access in queues.yaml.",
      statements: [new PolicyStatement({ actions: ["execute-api:Invoke"], resources: [`${resource}/*`] })],
    });
    Validations.of(policy).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<${this.#logicalId()}>/*]`,
      reason: "Every path and method of this one API: the API itself decides by queue what a caller may do.",
    });
    output("CallersPolicyArn", policy.managedPolicyArn, "The policy to attach to roles that call the API");
  }

  #logicalId(): string {
    const { Ref }: { Ref: string } = Stack.of(this).resolve(this.http.apiId);
    return Ref;
  }
}

/** Under `token`, which the embedded runtime alone knows, the runtime looks at the token. */
function authorizerBy({ apiAuth, jwt }: Settings): IHttpRouteAuthorizer | undefined {
  if (apiAuth === "jwt") return byToken(jwt);
  return apiAuth === "iam" || apiAuth === "iam+jwt" ? new HttpIamAuthorizer() : undefined;
}

function byToken(jwt: JwtSettings | undefined): IHttpRouteAuthorizer {
  if (jwt === undefined) throw new Error("apiAuth jwt needs an issuer and an audience");
  return new HttpJwtAuthorizer("Jwt", jwt.issuer, { jwtAudience: [...jwt.audience] });
}
