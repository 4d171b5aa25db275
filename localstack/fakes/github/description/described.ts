import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";

export type Json = { readonly [name: string]: unknown };

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: Json;
}
interface Body {
  readonly required?: boolean;
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
}
interface Operation {
  readonly parameters?: readonly Json[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Json>>;
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, Json>>;
  readonly components: Readonly<Record<string, Json>>;
}

let shared: Described | undefined;

/** Answers that GitHub gives to any call, described or not: their body is a message. */
const ANYWHERE: readonly number[] = [400, 401, 403, 404, 422, 429, 500, 502, 503];

/**
 * GitHub's own description of its REST API and webhooks, cut to what is used here (cut.ts). Says what is wrong with a request, an
 * answer or a webhook's payload, and completes answers and payloads by what the description requires and the fake does not care about.
 */
export class Described {
  readonly #whole: Description;
  readonly #ajv: Ajv;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(file = join(import.meta.dirname, "github.json")) {
    this.#whole = JSON.parse(readFileSync(file, "utf8"));
    // Most schemas check few values in the life of a process: code that is made in less time, and runs in more.
    const quicklyMade = { code: { optimize: false }, inlineRefs: false };
    this.#ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, ...quicklyMade });
    this.#ajv.addSchema({ $id: "github", components: toJsonSchema(this.#whole.components) as Json });
  }

  /** The committed cut: read once a process. */
  static shared(): Described {
    shared ??= new Described();
    return shared;
  }

  has(operation: string): boolean {
    return this.#operation(operation) !== undefined;
  }

  /** What is wrong with a call's query and body. Empty when nothing is. */
  problemsOfRequest(operation: string, query: URLSearchParams, body: unknown): readonly string[] {
    const { parameters = [], requestBody } = this.#need(operation);
    const named = parameters.map((parameter) => this.#resolved(parameter) as unknown as Parameter);
    const allowed = named.filter((parameter) => parameter.in === "query");
    const problems: string[] = [];
    for (const [name, value] of query) {
      const parameter = allowed.find((one) => one.name === name);
      if (parameter === undefined) problems.push(`${operation} has no query parameter ${name}`);
      else
        problems.push(
          ...this.#problems(`${operation}?${name}`, parameter.schema, asTyped(value, this.#resolved(parameter.schema))),
        );
    }
    const schema = requestBody?.content?.["application/json"]?.schema;
    if (body === undefined) {
      if (requestBody?.required === true) problems.push(`${operation} takes a body, and there is none`);
    } else if (schema === undefined) problems.push(`${operation} takes no body`);
    else problems.push(...this.#problems(`body of ${operation}`, schema, body));
    return problems;
  }

  /** What is wrong with the answer to a call. Empty when nothing is. */
  problemsOfAnswer(operation: string, status: number, body: unknown): readonly string[] {
    const schema = this.#answerSchema(operation, status);
    if (schema === "none")
      return body === undefined || status >= 400 ? [] : [`${operation} answers ${status} without a body`];
    if (schema !== undefined) return this.#problems(`${status} of ${operation}`, schema, body);
    return ANYWHERE.includes(status) ? [] : [`${operation} never answers ${status}`];
  }

  /** The answer with every field that the description requires: a field that the fake leaves out gets the least that its type allows. */
  completeAnswer(operation: string, status: number, body: unknown): unknown {
    const schema = this.#answerSchema(operation, status);
    return schema === undefined || schema === "none" ? body : this.#completed(schema, body);
  }

  /** `event` as `check_run.completed`, or `push`. */
  problemsOfPayload(event: string, payload: unknown): readonly string[] {
    const schema = this.#whole.webhooks[event];
    return schema === undefined ? [`GitHub sends no ${event}`] : this.#problems(`webhook ${event}`, schema, payload);
  }

  completePayload(event: string, payload: Json): Json {
    const schema = this.#whole.webhooks[event];
    return schema === undefined ? payload : (this.#completed(schema, payload) as Json);
  }

  #operation(operation: string): Operation | undefined {
    const [method = "", path = ""] = operation.split(" ");
    return this.#whole.paths[path]?.[method];
  }

  #need(operation: string): Operation {
    const found = this.#operation(operation);
    if (found === undefined) throw new Error(`GitHub's description has no ${operation}: name it in cut.ts`);
    return found;
  }

  #answerSchema(operation: string, status: number): Json | "none" | undefined {
    const answer = this.#need(operation).responses[String(status)];
    if (answer === undefined) return undefined;
    const content = this.#resolved(answer)["content"] as Record<string, { schema?: Json }> | undefined;
    return content === undefined ? "none" : (content["application/json"]?.schema ?? undefined);
  }

  #resolved(value: Json): Json {
    const { $ref } = value;
    if (typeof $ref !== "string") return value;
    const [, , kind = "", name = ""] = $ref.split("/");
    return this.#resolved((this.#whole.components[kind]?.[name] ?? {}) as Json);
  }

  #problems(what: string, schema: Json, value: unknown): readonly string[] {
    let validate = this.#compiled.get(what);
    if (validate === undefined) {
      validate = this.#ajv.compile(toJsonSchema(schema) as Json);
      this.#compiled.set(what, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 8)
      .map(
        ({ instancePath, message, params }) => `${what}: ${instancePath || "/"} ${message} ${JSON.stringify(params)}`,
      );
  }

  #completed(schema: Json, value: unknown): unknown {
    const whole = this.#resolved(schema);
    if (value === undefined) return this.#least(whole);
    const parts = (whole["allOf"] ?? []) as readonly Json[];
    if (parts.length > 0) return parts.reduce<unknown>((done, part) => this.#completed(part, done), value);
    if (Array.isArray(value)) {
      const items = whole["items"] as Json | undefined;
      return items === undefined ? value : value.map((item) => this.#completed(items, item));
    }
    if (typeof value !== "object" || value === null) return value;
    const one = this.#shapeFor(whole, value as Json);
    const properties = (one["properties"] ?? {}) as Record<string, Json>;
    const completed: Record<string, unknown> = { ...value };
    const required = (one["required"] ?? []) as readonly string[];
    for (const [name, property] of Object.entries(properties))
      if (completed[name] !== undefined || required.includes(name))
        completed[name] = this.#completed(property, completed[name]);
    return completed;
  }

  /** Of several shapes the one that knows most of the value's fields. */
  #shapeFor(schema: Json, value: Json): Json {
    const choices = ((schema["oneOf"] ?? schema["anyOf"] ?? []) as readonly Json[]).map((choice) =>
      this.#resolved(choice),
    );
    const known = (choice: Json) =>
      Object.keys((choice["properties"] ?? {}) as Json).filter((name) => name in value).length;
    const best = choices.toSorted((one, other) => known(other) - known(one))[0];
    return best === undefined || schema["properties"] !== undefined ? schema : this.#shapeFor(best, value);
  }

  #least(schema: Json): unknown {
    if (schema["nullable"] === true) return null;
    const options = schema["enum"] as readonly unknown[] | undefined;
    if (options !== undefined) return options[0];
    const choice = ((schema["oneOf"] ?? schema["anyOf"]) as readonly Json[] | undefined)?.[0];
    if (choice !== undefined) return this.#least(this.#resolved(choice));
    const all = schema["allOf"] as readonly Json[] | undefined;
    if (all !== undefined) return all.reduce<unknown>((done, part) => this.#completed(part, done), {});
    switch (schema["type"]) {
      case "string":
        return schema["format"] === "date-time"
          ? "2026-01-01T00:00:00Z"
          : schema["format"] === "uri"
            ? "https://github.invalid/"
            : "";
      case "integer":
      case "number":
        return 0;
      case "boolean":
        return false;
      case "array":
        return [];
      default:
        return this.#completed({ ...schema, type: "object" }, {});
    }
  }
}

/** What a query's text is, for a parameter of that type. */
function asTyped(value: string, { type }: Json): unknown {
  if ((type === "integer" || type === "number") && /^-?\d+$/.test(value)) return Number(value);
  if (type === "boolean" && /^(true|false)$/.test(value)) return value === "true";
  return value;
}

/** OpenAPI 3.0 writes `nullable` where JSON Schema names the type null, and refers to its own document. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (typeof value !== "object" || value === null) return value;
  const { nullable, $ref, ...rest } = value as Json;
  if (typeof $ref === "string") return { $ref: `github${$ref}` };
  const schema = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, toJsonSchema(item)]));
  return nullable === true ? { anyOf: [{ type: "null" }, schema] } : schema;
}
