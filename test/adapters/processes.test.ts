import { ownProcesses } from "../../functions/adapters/processes.ts";
import { processesSuite } from "./processes.contract.ts";

processesSuite("started by this process", ownProcesses);
