declare module "dynalite" {
  import type { Server } from "node:http";

  /** A server that answers as DynamoDB does. It opens its store when it is made, and closes it when it is closed. */
  export default function dynalite(options: {
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }): Server;
}
