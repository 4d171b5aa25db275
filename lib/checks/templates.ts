/** A resource as a template writes it. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** A finished template, and the stack that it is of (`gateway`, `messaging`…). */
export interface StackTemplate {
  readonly stack: string;
  readonly template: {
    readonly Resources?: Readonly<Record<string, Resource>>;
    readonly Outputs?: Readonly<
      Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>
    >;
  };
}

/** A resource, where it stands, and an ARN that no other has. */
export interface Placed {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly arn: string;
}

const PSEUDO: Readonly<Record<string, string>> = {
  "AWS::AccountId": "111122223333",
  "AWS::Partition": "aws",
  "AWS::Region": "eu-west-1",
  "AWS::URLSuffix": "amazonaws.com",
};

const ARN_OF: Readonly<Record<string, (name: string) => string>> = {
  "AWS::DynamoDB::Table": (name) => `arn:aws:dynamodb:eu-west-1:111122223333:table/${name}`,
  "AWS::DynamoDB::GlobalTable": (name) => `arn:aws:dynamodb:eu-west-1:111122223333:table/${name}`,
  "AWS::SQS::Queue": (name) => `arn:aws:sqs:eu-west-1:111122223333:${name}`,
  "AWS::IAM::Role": (name) => `arn:aws:iam::111122223333:role/${name}`,
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** All templates of an assembly with their references put in, across stacks, as if they had been deployed into one account. */
export class Templates {
  readonly resources: readonly Placed[];
  readonly #exports = new Map<string, { readonly stack: string; readonly value: unknown }>();
  readonly #byId = new Map<string, Placed>();

  constructor(templates: readonly StackTemplate[]) {
    this.resources = templates.flatMap(({ stack, template }) =>
      Object.entries(template.Resources ?? {}).map(([logicalId, { Type, Properties = {}, Metadata = {} }]) => {
        const name = nameOf(stack, logicalId);
        const arn = ARN_OF[Type]?.(name) ?? `arn:aws:cloudformation:eu-west-1:111122223333:resource/${name}`;
        return { stack, logicalId, type: Type, properties: Properties, metadata: Metadata, arn };
      }),
    );
    for (const resource of this.resources) this.#byId.set(nameOf(resource.stack, resource.logicalId), resource);
    for (const { stack, template } of templates)
      for (const { Value, Export } of Object.values(template.Outputs ?? {}))
        if (Export !== undefined) this.#exports.set(this.text(stack, Export.Name, "?"), { stack, value: Value });
  }

  ofType(...types: readonly string[]): readonly Placed[] {
    return this.resources.filter(({ type }) => types.includes(type));
  }

  /** The role that a name or an ARN stands for; undefined when it is none of ours. */
  role(nameOrArn: string): Placed | undefined {
    return this.ofType("AWS::IAM::Role").find(
      ({ stack, logicalId, arn }) => arn === nameOrArn || nameOf(stack, logicalId) === nameOrArn,
    );
  }

  /** A value as text, references put in. What is known only after deployment becomes `unknown`, also within a text. */
  text(stack: string, value: unknown, unknown: string): string {
    if (typeof value === "string") return value.includes("{{resolve:") ? unknown : value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    if (!isRecord(value)) return unknown;
    const [[fn, argument] = []] = Object.entries(value);
    switch (fn) {
      case "Ref":
        return this.#reference(stack, String(argument), unknown);
      case "Fn::GetAtt":
        return this.#attribute(stack, argument, unknown);
      case "Fn::Join": {
        const [separator, parts] = Array.isArray(argument) ? argument : [];
        return Array.isArray(parts)
          ? parts.map((part) => this.text(stack, part, unknown)).join(String(separator))
          : unknown;
      }
      case "Fn::Sub":
        return this.#substituted(stack, argument, unknown);
      case "Fn::ImportValue": {
        const exported = this.#exports.get(this.text(stack, argument, unknown));
        return exported === undefined ? unknown : this.text(exported.stack, exported.value, unknown);
      }
      default:
        return unknown;
    }
  }

  /** One text or a list of them. */
  texts(stack: string, value: unknown, unknown: string): readonly string[] {
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((item) => this.text(stack, item, unknown));
  }

  #reference(stack: string, name: string, unknown: string): string {
    return PSEUDO[name] ?? (this.#byId.has(nameOf(stack, name)) ? nameOf(stack, name) : unknown);
  }

  #attribute(stack: string, argument: unknown, unknown: string): string {
    const [id, attribute] = Array.isArray(argument) ? argument : String(argument).split(".");
    const resource = this.#byId.get(nameOf(stack, String(id)));
    return resource !== undefined && attribute === "Arn" ? resource.arn : unknown;
  }

  #substituted(stack: string, argument: unknown, unknown: string): string {
    const [pattern, variables = {}] = Array.isArray(argument) ? argument : [argument];
    return String(pattern).replace(/\$\{([^!}]+)\}/g, (_, name: string) => {
      if (isRecord(variables) && name in variables) return this.text(stack, variables[name], unknown);
      return name.includes(".") && !name.includes("::")
        ? this.#attribute(stack, name, unknown)
        : this.#reference(stack, name, unknown);
    });
  }
}

const nameOf = (stack: string, logicalId: string): string => `${stack}-${logicalId}`;
