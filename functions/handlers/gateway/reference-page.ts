/** A JSON schema as the API document has it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
}

type Content = Readonly<
  Record<
    string,
    { readonly schema?: Schema; readonly examples?: Readonly<Record<string, { readonly value?: unknown }>> }
  >
>;

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

/** Of an OpenAPI 3.1 document, what the page shows. */
export interface ReferenceDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, object>>;
  readonly components: {
    readonly schemas: object;
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>;
  };
}

/** The API document as an HTML page without scripts and without links to other sites. All text of the document is escaped. */
export function referencePage({ info, tags, paths, components }: ReferenceDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation: operation as Operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<section><h2 id="${name}">${name}</h2><p>${text(description)}</p>${own.map(operationPart).join("")}</section>`;
  });
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaPart(name, schema as Schema));
  const contents = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const links = own.map(
      ({ operation }) => `<li><a href="#${operation.operationId}">${text(operation.summary)}</a></li>`,
    );
    return `<li><a href="#${name}">${name}</a><ul>${links.join("")}</ul></li>`;
  });
  const schemes = Object.entries(components.securitySchemes).map(
    ([name, { description }]) => `<dt><code>${name}</code></dt><dd>${text(description)}</dd>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)} API</title><style>${STYLE}</style></head>
<body><nav><ul>${contents.join("")}<li><a href="#schemas">Schemas</a></li></ul></nav>
<main><h1>${text(info.title)} API <small>${text(info.version)}</small></h1>
${info.description
  .split("\n\n")
  .map((paragraph) => `<p>${text(paragraph)}</p>`)
  .join("")}
<p>This page as a document for programs: <a href="v1/openapi.json">openapi.json</a>.</p>
<h2>Who calls</h2><dl>${schemes.join("")}</dl>
${sections.join("\n")}
<section><h2 id="schemas">Schemas</h2>${schemas.join("\n")}</section></main></body></html>
`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (plain: string): string => plain.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");

/** Text of the document, in which words between backticks are code. */
const text = (plain: string): string => escaped(plain).replace(/`([^`]+)`/g, "<code>$1</code>");

function operationPart({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(
    ({ in: place, name, required = false, description: about, schema = {} }) =>
      `<tr><td><code>${escaped(name)}</code>${required ? " <em>required</em>" : ""}</td><td>${place}</td><td>${typeOf(schema)}</td><td>${text(about ?? schema.description ?? "")}</td></tr>`,
  );
  const table =
    rows.length === 0
      ? ""
      : `<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
  const body = requestBody === undefined ? "" : `<h4>Body</h4>${contentPart(requestBody.content)}`;
  const answers = Object.entries(responses).map(([status, response]) =>
    status.startsWith("2")
      ? `<h4>Answer ${status}</h4><p>${text(response.description)}</p>${contentPart(response.content ?? {})}`
      : "",
  );
  const refusals = Object.entries(responses).flatMap(([status, response]) =>
    status.startsWith("2") ? [] : `<tr><td>${status}</td><td>${text(response.description)}</td></tr>`,
  );
  return `<article id="${escaped(operationId)}"><h3>${text(summary)}</h3><p class="call"><b>${method.toUpperCase()}</b> <code>${escaped(path)}</code></p><p>${text(description)}</p>${table}${body}${answers.join("")}<details><summary>Refusals</summary><table><tbody>${refusals.join("")}</tbody></table></details></article>`;
}

const contentPart = (content: Content): string =>
  Object.entries(content)
    .map(([type, { schema, examples }]) => {
      const example = examples?.["example"]?.value;
      const shown = example === undefined ? "" : `<pre tabindex="0">${escaped(JSON.stringify(example, null, 2))}</pre>`;
      return `<p><code>${escaped(type)}</code>${schema === undefined ? "" : `: ${typeOf(schema)}`}</p>${shown}`;
    })
    .join("");

function schemaPart(name: string, schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([property, field]) => {
    const optional = schema.required?.includes(property) ? "" : " <em>optional</em>";
    return `<tr><td><code>${escaped(property)}</code>${optional}</td><td>${typeOf(field)}</td><td>${text(field.description ?? "")}</td></tr>`;
  });
  const fields = rows.length === 0 ? `<p>${typeOf(schema)}</p>` : `<table><tbody>${rows.join("")}</tbody></table>`;
  return `<article id="schema-${escaped(name)}"><h3>${escaped(name)}</h3><p>${text(schema.description ?? "")}</p>${fields}</article>`;
}

/** A schema in a few words, with links to the schemas that it names. Examples: `list of ChangeUri`, `integer from 1`. */
function typeOf(schema: Schema): string {
  const { $ref, type, items, enum: values, const: only, anyOf, oneOf, pattern, properties } = schema;
  if ($ref !== undefined) {
    const name = escaped($ref.slice($ref.lastIndexOf("/") + 1));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (values !== undefined) return values.map((value) => `<code>${escaped(String(value))}</code>`).join(" · ");
  if (only !== undefined) return `<code>${escaped(String(only))}</code>`;
  const options = anyOf ?? oneOf;
  if (options !== undefined) return options.map(typeOf).join(" or ");
  if (items !== undefined) return `list of ${typeOf(items)}${bound(" of at most ", schema.maxItems)}`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([name, field]) => `<code>${escaped(name)}</code>: ${typeOf(field)}`);
    return `{ ${fields.join(", ")} }`;
  }
  const details = [
    bound(" from ", schema.minimum),
    bound(" to ", schema.maximum),
    bound(" of at most ", schema.maxLength, " characters"),
    pattern === undefined ? "" : ` as <code>${escaped(pattern)}</code>`,
    bound(", default ", schema.default),
  ];
  return `${escaped([type ?? "anything"].flat().join(" or "))}${details.join("")}`;
}

const bound = (words: string, value: unknown, unit = ""): string =>
  value === undefined || value === Number.MAX_SAFE_INTEGER ? "" : `${words}${escaped(String(value))}${unit}`;

export const STYLE = `:root{color-scheme:light dark;--line:light-dark(#d5d9df,#3a4048);--soft:light-dark(#f4f6f8,#1d2126);--link:light-dark(#0a58ca,#7db4ff)}
body{margin:0 auto;max-width:76rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:14rem minmax(0,1fr);gap:2rem;background:light-dark(#fff,#14171a);color:light-dark(#1c2024,#e6e8eb)}
nav{position:sticky;top:1rem;align-self:start;max-height:calc(100vh - 2rem);overflow:auto;font-size:.9rem}nav ul{list-style:none;padding:0 0 0 .8rem;margin:.2rem 0}
a{color:var(--link)}code,pre{font:.875em ui-monospace,monospace}pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:6px}
article{border-top:1px solid var(--line);padding:.5rem 0 1rem;scroll-margin-top:1rem}table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
em{font-size:.85em;opacity:.75}.call{background:var(--soft);padding:.4rem .7rem;border-radius:6px}dd{margin:0 0 .5rem}
@media(max-width:50rem){body{display:block}nav{position:static;max-height:none}}`;
