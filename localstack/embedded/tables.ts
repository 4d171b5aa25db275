import { once } from "node:events";
import { type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import dynalite from "dynalite";
import type { TableSpec } from "./template.ts";

export interface Tables {
  /** Answers a call whose body has been read already. */
  answer(call: IncomingMessage, body: Buffer, response: ServerResponse): void;
  close(): Promise<void>;
}

/** dynalite over a LevelDB directory. Tables that are not there yet are made; those that are keep what they hold. */
export async function openTables(path: string, specs: readonly TableSpec[]): Promise<Tables> {
  const server: Server = dynalite({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  // dynalite closes its store only when it has been listening. Calls do not come this way: the front door hands them over in-process.
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const existing = new Set(await tableNames(server));
  for (const spec of specs) if (!existing.has(spec.name)) await createTable(server, spec);
  return {
    answer: ({ method, url, headers }, body, response) => {
      server.emit("request", Object.assign(Readable.from([body]), { method, url, headers }), response);
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

async function tableNames(server: Server): Promise<readonly string[]> {
  const { TableNames } = JSON.parse(await ask(server, "ListTables", {}));
  return TableNames;
}

async function createTable(server: Server, { name, keys, attributes }: TableSpec): Promise<void> {
  await ask(server, "CreateTable", {
    TableName: name,
    KeySchema: keys,
    AttributeDefinitions: attributes,
    BillingMode: "PAY_PER_REQUEST",
  });
  // The table is made in the next turn of dynalite's event loop, even with no delay configured.
  for (let status = ""; status !== "ACTIVE"; ) {
    status = JSON.parse(await ask(server, "DescribeTable", { TableName: name })).Table.TableStatus;
  }
}

function ask(server: Server, operation: string, input: object): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `DynamoDB_20120810.${operation}`,
    "x-amz-date": "20000101T000000Z",
    authorization: "AWS4-HMAC-SHA256 Credential=local/d/r/s/aws4_request, SignedHeaders=host, Signature=none",
  };
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${operation} failed: ${text}`)),
      );
    });
    call.on("error", reject);
    call.end(JSON.stringify(input));
  });
}
