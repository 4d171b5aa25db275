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
  return {
    ofBody: (id: string, body: unknown): readonly string[] => {
      const schema = of(id).requestBody?.content["application/json"]?.schema;
      return schema === undefined ? [`${id} takes no body`] : problemsOf(schema, body);
    },
    ofAnswer: (id: string, status: number, type: string, body: unknown): readonly string[] => {
      const response = of(id).responses[String(status)];
      if (response === undefined) return [`${id} has no answer ${status}`];
      const mime = type.split(";")[0] ?? "";
      const schema = response.content?.[mime]?.schema;
      return schema === undefined ? [`${id} ${status} has no ${mime}`] : problemsOf(schema, body);
    },
  };
}
