import { type Resolver, resolverOf } from "../cloudformation/resolver.ts";
import { Template } from "../cloudformation/template.ts";

/** A finished template, and the stack that it is of (`gateway`, `messaging`…). */
export interface StackTemplate {
  readonly stack: string;
  readonly template: Template;
}

/** A template as JSON.parse read it. Throws when it is none. */
export const stackTemplate = (stack: string, template: unknown): StackTemplate => ({
  stack,
  template: Template.parse(template),
});

/** A resource, where it stands, and an ARN that no other has. */
export interface Placed {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What `Ref` answers: mostly a name. */
  readonly ref: string;
  readonly arn: string;
}

/** All templates of an assembly with their references put in, across stacks, as if they had been deployed into one account. */
export class Templates {
  readonly resources: readonly Placed[];
  readonly #resolver: Resolver;

  constructor(templates: readonly StackTemplate[]) {
    this.#resolver = resolverOf(new Map(templates.map(({ stack, template }) => [stack, template])));
    this.resources = templates.flatMap(({ stack, template }) =>
      Object.entries(template.Resources).map(([logicalId, { Type, Properties, Metadata }]) => {
        const { ref, attributes } = this.#resolver.identityOf(stack, logicalId);
        const placed = { stack, logicalId, type: Type, properties: Properties, metadata: Metadata };
        return { ...placed, ref, arn: attributes["Arn"] ?? ref };
      }),
    );
  }

  ofType(...types: readonly string[]): readonly Placed[] {
    return this.resources.filter(({ type }) => types.includes(type));
  }

  /** The role that a name or an ARN stands for; undefined when it is none of ours. */
  role(nameOrArn: string): Placed | undefined {
    return this.ofType("AWS::IAM::Role").find(({ ref, arn }) => arn === nameOrArn || ref === nameOrArn);
  }

  /** A value as text, references put in. What is known only after deployment becomes `unknown`, also within a text. */
  text(stack: string, value: unknown, unknown: string): string {
    const found = this.#resolver.resolve(stack, value, unknown);
    if (typeof found === "number" || typeof found === "boolean") return String(found);
    return typeof found === "string" && !found.includes("{{resolve:") ? found : unknown;
  }

  /** One text or a list of them. */
  texts(stack: string, value: unknown, unknown: string): readonly string[] {
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((item) => this.text(stack, item, unknown));
  }
}
