import type { Operation } from "./operation.ts";
import { QUEUE_OPERATIONS } from "./queue-operations.ts";
import { REQUEST_OPERATIONS } from "./request-operations.ts";
import { SERVICE_OPERATIONS } from "./service-operations.ts";

/** Every operation of the API, in the order in which the document shows them. */
export const OPERATIONS: readonly Operation[] = [...REQUEST_OPERATIONS, ...QUEUE_OPERATIONS, ...SERVICE_OPERATIONS];
