import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

type Content = Readonly<Record<string, { readonly schema?: object }>>;

/** Of an operation of the API document, what the tests read. */
export interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content; readonly headers?: object }>>;
}

/** An answer of the API, as far as the document speaks of it. Names of headers are in lower case. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Located {
  readonly method: string;
  readonly path: string;
  readonly operation: DocumentedOperation;
}

export interface ApiDocument {
  readonly paths: object;
  readonly components: object;
}

export const operationsIn = ({ paths }: ApiDocument): readonly Located[] =>
  Object.entries(paths as Record<string, Record<string, DocumentedOperation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );

/** The id of the operation that answers a call. Undefined for a path that the document does not have, and for a method that it has not there. */
export function operationFinder(document: ApiDocument): (method: string, path: string) => string | undefined {
  const patterns = operationsIn(document).map(({ method, path, operation }) => ({
    method: method.toUpperCase(),
    pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/]+")}/?$`),
    id: operation.operationId,
  }));
  return (method, path) => patterns.find((one) => one.method === method && one.pattern.test(path))?.id;
}

/** Judges bodies and answers by the API document. What is wrong comes as sentences; none: all is well. */
export function validatorOf(document: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (target: Ajv2020) => void)(ajv);
  const operations = new Map(
    operationsIn(document).map((located) => [located.operation.operationId, located.operation]),
  );
  const compiled = new Map<object, ValidateFunction>();
  const problemsOf = (schema: object, value: unknown): readonly string[] => {
    let validate = compiled.get(schema);
    if (validate === undefined) {
      validate = ajv.compile({ ...schema, components: document.components });
      compiled.set(schema, validate);
    }
    return validate(value)
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  const of = (id: string): DocumentedOperation => {
    const operation = operations.get(id);
    if (operation === undefined) throw new Error(`the document has no operation ${id}`);
    return operation;
  };
  const ofAnswer = (id: string, { status, headers, body }: Answered): readonly string[] => {
    const response = of(id).responses[String(status)];
    if (response === undefined) return [`${id} has no answer ${status}`];
    const mime = headers["content-type"]?.split(";")[0] ?? "";
    const schema = response.content?.[mime]?.schema;
    const missing = Object.keys(response.headers ?? {}).filter((name) => headers[name] === undefined);
    return [
      ...missing.map((name) => `${id} ${status} is to have the header ${name}`),
      ...(schema === undefined ? [`${id} ${status} has no ${mime}`] : problemsOf(schema, body)),
    ];
  };
  return {
    ofBody: (id: string, body: unknown): readonly string[] => {
      const schema = of(id).requestBody?.content["application/json"]?.schema;
      return schema === undefined ? [`${id} takes no body`] : problemsOf(schema, body);
    },
    ofAnswer,
    /** Of an answer's body alone. */
    ofExample: (id: string, status: number, body: unknown): readonly string[] => {
      const { headers = {} } = of(id).responses[String(status)] ?? {};
      const all = Object.fromEntries(Object.keys(headers).map((name) => [name, ""]));
      return ofAnswer(id, { status, headers: { ...all, "content-type": "application/json" }, body });
    },
  };
}
